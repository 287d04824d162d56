//! Tokens taken out of what tools print: of ngrok's own error text, which repeats the authtoken it
//! refuses, and of whatever else looks like a credential.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

const HIDDEN: &str = "[hidden]";

/// The line without what looks like a token of ngrok or Cloudflare, or a secret in a query.
pub fn tokens(line: &str) -> Cow<'_, str> {
    // Named by the word before it; ngrok's and Cloudflare's own shapes; parameters of a query.
    static SECRET: LazyLock<Regex> = LazyLock::new(|| {
        pattern(concat!(
            r#"((?i-u:authtoken)[\\"']{0,2}\s*[:=]\s*[\\"']{0,2})([^\s\\"',]+)"#,
            r"|\b([0-9A-Za-z]{20,40}_[0-9A-Za-z]{15,40})\b",
            r"|\b(eyJ[0-9A-Za-z_+/=-]{40,})",
            r"|([?&](?i-u:access_token|token|key|code|secret|password)=)([^&\s]+)",
        ))
    });
    // Most lines hold none of what every secret comes with, and that is quickly seen.
    static HINT: LazyLock<Regex> =
        LazyLock::new(|| pattern("(?i-u:token|key=|code=|secret=|password=)|eyJ|_"));
    if !HINT.is_match(line) {
        return Cow::Borrowed(line);
    }
    SECRET.replace_all(line, |found: &regex::Captures<'_>| {
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        let (name, value) = match (found.get(1), found.get(5)) {
            (Some(name), _) => (name.as_str(), found.get(2)),
            (_, Some(name)) => (name.as_str(), found.get(6)),
            (None, None) => return HIDDEN.to_string(),
        };
        // "Install your authtoken: https://dashboard…" tells where to find one.
        match value.is_some_and(|value| value.as_str().starts_with("http")) {
            true => whole.to_string(),
            false => format!("{name}{HIDDEN}"),
        }
    })
}

/// The same, and these very secrets wherever they stand.
pub(super) fn secrets<'a>(line: &'a str, secrets: &[String]) -> Cow<'a, str> {
    let line = tokens(line);
    match secrets.iter().any(|secret| line.contains(secret.as_str())) {
        true => {
            Cow::Owned(secrets.iter().fold(line.into_owned(), |line, secret| line.replace(secret, HIDDEN)))
        }
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1";

    #[test]
    fn ngroks_own_words_lose_the_token_they_repeat() {
        for line in [
            format!(r"ERROR:  Your authtoken: {TOKEN}"),
            format!(r#"lvl=eror err="it is invalid.\nYour authtoken: {TOKEN}\nInstructions""#),
            format!(r#"{{"err":"Your authtoken: {TOKEN}\nInstructions"}}"#),
            format!("the token {TOKEN} is wrong"),
        ] {
            let shown = tokens(&line);
            assert!(!shown.contains(TOKEN) && shown.contains(HIDDEN), "{shown}");
        }
        assert_eq!(tokens("Your authtoken: short-and-odd!x"), "Your authtoken: [hidden]");
        assert_eq!(tokens(r#"authtoken="odd" x"#), r#"authtoken="[hidden]" x"#);
    }

    #[test]
    fn what_is_no_secret_stays() {
        for line in [
            "Install your authtoken: https://dashboard.ngrok.com/get-started/your-authtoken",
            "Registered tunnel connection connIndex=0 connection=b7d1c6a4-20a9-4c4f-8a0e-5f0d1e2c3b4a",
            "your url is: https://name.loca.lt",
            "Version 2026.8.2 (Checksum 519619d8959cae177b2102c1148dcbf61ce0484cb2724ddb0c9156c2004ae931)",
        ] {
            assert_eq!(tokens(line), line);
        }
    }

    #[test]
    fn tunnel_tokens_and_secrets_in_queries_go_too() {
        let token = format!("eyJhIjoi{}", "x".repeat(60));
        assert_eq!(tokens(&format!("token {token}")), "token [hidden]");
        assert_eq!(tokens("GET http://x/mcp?token=abc&x=1"), "GET http://x/mcp?token=[hidden]&x=1");
    }

    #[test]
    fn a_known_secret_goes_wherever_it_stands() {
        assert_eq!(secrets("x=my secret!", &["my secret".into()]), "x=[hidden]!");
    }
}
