//! What `ready` looks like: the addresses, and on a terminal the QR code of the URL.

use dialoguer::console::style;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;
use url::Url;

use super::Event;

/// The addresses one below the other, aligned, without decoration.
pub(super) fn plain(ready: &Event) -> String {
    rows(ready).iter().map(|(label, value)| format!("{label:<15}{value}")).collect::<Vec<_>>().join("\n")
}

/// The same with emphasis, and the QR code above where it fits into that many columns.
pub(super) fn terminal(ready: &Event, logs: &str, columns: usize) -> String {
    let mut text = String::from("\n");
    if let Event::Ready { url, .. } = ready
        && let Some(code) = qr_within(url, columns)
    {
        text.push_str(&code);
        text.push('\n');
    }
    for (label, value) in rows(ready).into_iter().chain([("logs", logs)]) {
        text.push_str(&format!("  {}{}\n", style(format!("{label:<15}")).dim(), style(value).bold()));
    }
    text
}

fn rows(ready: &Event) -> Vec<(&'static str, &str)> {
    let Event::Ready { url, mcp_url, callback_url, provider, key_file } = ready else { return vec![] };
    let mut rows: Vec<(&str, &str)> = vec![
        ("address", url),
        ("MCP URL", mcp_url),
        ("OAuth callback", callback_url),
        ("provider", provider),
    ];
    if let Some(file) = key_file {
        rows.push(("key file", file));
        rows.push(("key", "`mcpgw key show` prints it"));
    }
    rows
}

/// The code, unless it is wider than that many columns.
pub(super) fn qr_within(url: &str, columns: usize) -> Option<String> {
    qr(url).filter(|code| code.lines().all(|line| line.chars().count() <= columns))
}

/// What to paste into a client's settings, the key included: for a person's eyes.
pub(super) fn paste(ready: &Event, key: Option<&str>) -> String {
    let Event::Ready { mcp_url, .. } = ready else { return String::new() };
    let quoted = |text: &str| json!(text).to_string();
    let headers = key.map(|key| {
        let value = quoted(&format!("Bearer {key}"));
        format!(",\n    \"headers\": {{ \"Authorization\": {value} }}")
    });
    let text = format!(
        "{{ \"mcpServers\": {{ \"mcpgw\": {{\n    \"type\": \"http\",\n    \"url\": {}{} }} }} }}",
        quoted(mcp_url),
        headers.unwrap_or_default()
    );
    let title = |title: &str| style(title.to_string()).dim();
    let mut shown = format!(
        "{}\n{text}\n",
        title("for a client that takes JSON (whoever has the key gets in), or `mcpgw configure` writes it:")
    );
    if key.is_none() {
        shown =
            format!("{}\n{text}\n", title("for a client that takes JSON, or `mcpgw configure` writes it:"));
    }
    if let Some(address) = key.and_then(|key| with_key(mcp_url, key)) {
        let words = "for one that takes an address and no header (claude.ai, ChatGPT):";
        shown.push_str(&format!("{}\n{address}\n", title(words)));
    }
    shown
}

/// The same where it is of use: who takes no header runs elsewhere, and never gets to this machine's own names.
fn with_key(mcp_url: &str, key: &str) -> Option<String> {
    let url = Url::parse(mcp_url).ok()?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url_with_key(mcp_url, key).filter(|_| !here)
}

/// `https://x/api/mcp/default` and KEY make `https://x/k/KEY/api/mcp/default`.
pub fn url_with_key(mcp_url: &str, key: &str) -> Option<String> {
    let mut url = Url::parse(mcp_url).ok()?;
    url.set_path(&format!("/k/{key}{}", url.path()));
    Some(url.to_string())
}

fn qr(url: &str) -> Option<String> {
    let code = QrCode::new(url).ok()?;
    // The light modules are drawn and the dark ones left out: most terminals are dark.
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Event {
        Event::Ready {
            url: "https://x.example".into(),
            mcp_url: "https://x.example/api/mcp/default".into(),
            callback_url: "https://x.example/api/oauth/callback".into(),
            provider: "localtunnel",
            key_file: None,
        }
    }

    #[test]
    fn a_pipe_gets_aligned_addresses_and_no_code() {
        insta::assert_snapshot!(plain(&ready()), @r"
        address        https://x.example
        MCP URL        https://x.example/api/mcp/default
        OAuth callback https://x.example/api/oauth/callback
        provider       localtunnel
        ");
    }

    #[test]
    fn what_is_pasted_holds_the_key_as_a_header_and_in_the_address() {
        let shown = paste(&ready(), Some("KEY"));
        let json = &shown[shown.find('{').unwrap()..=shown.rfind('}').unwrap()];
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let server = &value["mcpServers"]["mcpgw"];
        assert_eq!(server["url"], "https://x.example/api/mcp/default");
        assert_eq!(server["headers"]["Authorization"], "Bearer KEY");
        assert!(shown.contains("\nhttps://x.example/k/KEY/api/mcp/default\n"), "{shown}");
        assert!(!paste(&ready(), None).contains("/k/"));
        assert_eq!(with_key("https://localhost:3443/api/mcp/default", "KEY"), None);
    }

    #[test]
    fn a_terminal_gets_the_code_where_it_fits() {
        assert!(terminal(&ready(), "/x", 80).contains('█'));
        let narrow = terminal(&ready(), "/x", 20);
        assert!(!narrow.contains('█') && narrow.contains("https://x.example/api/mcp/default"), "{narrow}");
    }
}
