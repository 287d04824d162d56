//! What `ready` looks like: the addresses, and on a terminal the QR code of the URL.

use dialoguer::console::style;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;
use url::Url;

use super::Event;
use crate::loopback;

/// The addresses one below the other, aligned, without decoration.
pub(super) fn plain(ready: &Event) -> String {
    rows(ready).iter().map(|(label, value)| format!("{label:<15}{value}")).collect::<Vec<_>>().join("\n")
}

/// The screen that a panel is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Is a code wanted at all?
    pub(super) code: bool,
}

/// The same with emphasis, the addresses last, where they stay in sight; above them the QR code, where it and they fit
/// onto the screen together.
pub(super) fn terminal(ready: &Event, logs: &str, room: Room) -> String {
    let mut text = String::new();
    let rows = rows(ready);
    // The hint below, and the line that the cursor is on.
    let below = rows.len() + 4;
    if let Event::Ready { url, .. } = ready
        && room.code
        && !only_here(url)
    {
        let code = qr_within(url, room.columns).filter(|code| code.lines().count() + below <= room.rows);
        let words = || format!("  {}\n", style("`mcpgw url --qr` shows the address as a QR code").dim());
        text.push_str(&code.map_or_else(words, |code| format!("{code}\n")));
    }
    let (addresses, others) = rows.split_at(rows.len().min(3));
    for (label, value) in [("logs", logs)].iter().chain(others).chain(addresses) {
        text.push_str(&format!("  {}{}\n", style(format!("{label:<15}")).dim(), style(value).bold()));
    }
    text
}

/// Is it a name of this machine's own, which no other can use?
fn only_here(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| loopback::is_url(&url))
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
    url_with_key(mcp_url, key).filter(|_| !only_here(mcp_url))
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

    fn shown(ready: &Event, rows: usize, columns: usize) -> String {
        terminal(ready, "/x", Room { rows, columns, code: true })
    }

    #[test]
    fn a_terminal_gets_the_code_where_it_fits_together_with_the_addresses() {
        assert!(shown(&ready(), 40, 80).contains('█'));
        for (rows, columns) in [(40, 20), (24, 80), (usize::MAX, 20)] {
            let small = shown(&ready(), rows, columns);
            assert!(!small.contains('█') && small.contains("mcpgw url --qr"), "{small}");
            assert!(
                small.trim_end().ends_with("https://x.example/api/oauth/callback"),
                "addresses last: {small}"
            );
        }
        let unwanted = terminal(&ready(), "/x", Room { rows: 40, columns: 80, code: false });
        assert!(!unwanted.contains('█') && !unwanted.contains("--qr"), "{unwanted}");
    }

    #[test]
    fn an_address_of_this_machine_alone_gets_no_code_and_no_word_of_one() {
        for url in ["https://localhost:3443", "http://x.localhost:1", "https://127.0.0.1", "https://[::1]:3"]
        {
            let Event::Ready { mcp_url, callback_url, provider, key_file, .. } = ready() else { panic!() };
            let here = Event::Ready { url: url.into(), mcp_url, callback_url, provider, key_file };
            let panel = shown(&here, 100, 200);
            assert!(!panel.contains('█') && !panel.contains("--qr"), "{panel}");
        }
    }
}
