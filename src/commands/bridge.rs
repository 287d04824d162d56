//! `mcpgw bridge`: settle where to connect, then forward until the client has gone.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::bridge::{self, Plan, Want};
use crate::cli::BridgeArgs;
use crate::config::{self, Layer, Settings, web_url};
use crate::error::{Error, Result, io_reason};
use crate::report;
use crate::state::State;

pub(super) fn run(args: BridgeArgs) -> Result<()> {
    let plan = plan(args)?;
    if std::io::stdin().is_terminal() {
        report::remark(
            "mcpgw bridge: speaks MCP on standard input and output, for a client to start \
             (`mcpgw configure` writes its entry); Ctrl-D ends it",
        );
    }
    let runtime = super::runtime()?;
    let done = runtime.block_on(bridge::run(plan));
    // A name that is being looked up, a disk that is slow: nothing worth waiting for.
    runtime.shutdown_background();
    done
}

fn plan(args: BridgeArgs) -> Result<Plan> {
    /// Official SDKs give a call 60 s.
    const PATIENCE: Duration = Duration::from_secs(50);
    let here = match &args.project {
        Some(folder) => project(folder)?,
        None => std::env::current_dir().unwrap_or_default(),
    };
    let flags =
        Layer { port: args.port, profile: args.profile.clone(), mcp_path: args.mcp_path, ..Layer::default() };
    let url = args.url.as_deref().map(|url| web_url("url", url)).transpose()?;
    let settings = Settings::from_layer(flags.over(config::project(&here)?).over(config::user()?))?;
    let want = Want {
        url,
        port: args.port,
        session: args.session,
        profile: args.profile,
        gateway_port: settings.port,
        mcp_path: settings.mcp_path,
        default_profile: settings.profile,
        project: config::project_folder(&here),
        bound: args.project.is_some(),
    };
    Ok(Plan {
        want,
        headers: headers(&args.header)?,
        strict: args.strict,
        patience: args.patience.map_or(PATIENCE, |millis| millis.0),
        state: state(),
    })
}

/// The folder that is meant; one that is gone is named, for else its gateway would be looked for elsewhere.
fn project(folder: &Path) -> Result<PathBuf> {
    let real =
        std::fs::canonicalize(folder).and_then(|real| match real.to_string_lossy().starts_with(r"\\?\") {
            // Windows's own form of it is no path that anything else has.
            true => std::path::absolute(folder),
            false => Ok(real),
        });
    real.map_err(|error| {
        let message = format!("use --project {}: {}", folder.display(), io_reason(&error));
        Error::usage("bridge.project", message).fix("in the project's folder: mcpgw configure CLIENT")
    })
}

/// A client may start it where no home is known: it still forwards.
fn state() -> Option<State> {
    State::open()
        .inspect_err(|error| {
            report::remark(&format!("mcpgw bridge: no log and no sessions: failed to {error}"))
        })
        .ok()
}

fn headers(given: &[String]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for text in given {
        let (name, value) = header(text, |name| std::env::var(name).ok())?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// `K=V` or `K: V`. What is wrong with it is told without repeating it: it may be a secret.
fn header(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<(HeaderName, HeaderValue)> {
    let wrong = |why: String| {
        Error::usage("bridge.header", format!("use --header: {why}"))
            .fix("write --header 'Authorization: Bearer ...'")
    };
    let (name, value) =
        text.split_once([':', '=']).ok_or_else(|| wrong("it has neither `:` nor `=`".into()))?;
    let name = name.trim();
    let parsed = name.parse().map_err(|_| wrong(format!("`{name}` is not a header's name")))?;
    let value = expand(value.trim(), variable)
        .map_err(|missing| wrong(format!("the variable {missing} of `{name}` is not set")))?;
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| wrong(format!("the value of `{name}` has characters no header may have")))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// `${NAME}` from the environment; an error names the one that is missing.
fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> std::result::Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        expanded.push_str(before);
        expanded.push_str(&variable(name).ok_or(name)?);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, String)> {
        let known = |name: &str| (name == "TOKEN").then(|| "t0k".to_string());
        header(text, known).map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_string()))
    }

    #[test]
    fn a_header_is_written_with_a_colon_or_an_equals_sign() {
        for text in ["X-Key=a:b", "x-key: a:b", "X-KEY:a:b", "x-key = a:b"] {
            assert_eq!(parsed(text).unwrap(), ("x-key".into(), "a:b".into()), "{text}");
        }
        assert_eq!(parsed("Authorization: Bearer ${TOKEN}=").unwrap().1, "Bearer t0k=");
        assert_eq!(parsed("a: ${ {").unwrap().1, "${ {");
    }

    #[test]
    fn a_wrong_header_is_told_without_its_value() {
        for text in ["nothing", "a b: secret", "x: sec\nret", "x: secret ${NONE}"] {
            let error = parsed(text).unwrap_err();
            assert!(!error.message.contains("sec") && error.fix.is_some(), "{error:?}");
        }
    }
}
