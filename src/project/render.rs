//! mcpgw.toml as text: every setting that was decided, with where it comes from, and the most useful others as
//! comments. Whatever it writes, config reads.

use toml::Value;

use super::{Era, Found, Project, Start};

/// What the file is to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The gateway's command line; empty for a gateway that runs by itself.
    pub command: Vec<String>,
    /// Its port.
    pub port: Option<u16>,
    /// A path that tells whether it lives.
    pub health: Option<String>,
    /// Where it serves MCP, with `{profile}`.
    pub mcp_path: Option<String>,
    /// The profile of MCP clients.
    pub profile: Option<String>,
    /// The tunnel's provider.
    pub provider: Option<String>,
    /// A fixed name below the provider's domain.
    pub subdomain: Option<String>,
    /// The clients whose files are to lead to it.
    pub configure: Vec<String>,
    /// How the gateway wants to be told its address.
    pub era: Option<&'static Era>,
}

const HEAD: &str = "\
#:schema https://raw.githubusercontent.com/mcpgw/mcpgw/main/schema/mcpgw.schema.json
# How `mcpgw tunnel` runs in this folder and below. The keys are the names of its flags (`mcpgw tunnel --help` says
# what each does); flags and MCPGW_* variables win over this file. Written by `mcpgw init`.
";

/// The file's text.
pub fn render(wishes: &Wishes, project: &Project) -> String {
    let mut text = String::from(HEAD);
    let chosen = project.starts.iter().find(|start| start.command == wishes.command);
    match wishes.command.is_empty() {
        true => text.push_str(&part(
            &["The gateway's command. Without it, the gateway that listens on `port` already is used."],
            "command",
            None,
            &strings(&["pnpm", "start"]),
        )),
        false => text.push_str(&part(
            &lines("The gateway's command, run in this folder.", chosen.map(|start| start.at.as_str())),
            "command",
            Some(&strings(&wishes.command)),
            &Value::String(String::new()),
        )),
    }
    text.push_str(&warning(chosen));
    let found = |at: Option<&str>, said: bool| if said { at.map(str::to_string) } else { None };
    let port_at =
        found(of(project.port.as_ref()), project.port.as_ref().map(|port| port.value) == wishes.port);
    text.push_str(&part(
        &lines("The port it listens on.", port_at.as_deref()),
        "port",
        wishes.port.map(|port| Value::Integer(port.into())).as_ref(),
        &Value::Integer(3001),
    ));
    let same = project.health.as_ref().map(|health| &health.value) == wishes.health.as_ref();
    text.push_str(&part(
        &lines(
            "This path must answer 200; without it any HTTP answer means that the gateway lives.",
            found(of(project.health.as_ref()), same).as_deref(),
        ),
        "health",
        wishes.health.clone().map(Value::String).as_ref(),
        &Value::String("/health".into()),
    ));
    text.push_str(&part(
        &["Where it serves MCP, and the profile that MCP clients use."],
        "mcp-path",
        wishes.mcp_path.clone().map(Value::String).as_ref(),
        &Value::String("/api/mcp/{profile}".into()),
    ));
    text.push_str(&key("profile", wishes.profile.clone().map(Value::String).as_ref(), &"default".into()));
    text.push_str(&variables(wishes.era));
    if wishes.era.is_some_and(|era| era.id == "better-auth") {
        let comment = [
            "Its login page lives in the web frontend. This lets it through, for logins from other machines; then",
            "FRONTEND_URL, as \"{url}\", belongs among the variables, too.",
        ];
        text.push_str(&part(&comment, "frontend", None, &Value::Integer(3000)));
    }
    text.push_str(&part(
        &[
            "Who carries the tunnel: auto takes the first that is ready of localtunnel, cloudflared and ngrok.",
            "`mcpgw providers` compares them.",
        ],
        "provider",
        wishes.provider.clone().map(Value::String).as_ref(),
        &"auto".into(),
    ));
    text.push_str(&part(
        &["The same name every time, where the provider has names to choose."],
        "subdomain",
        wishes.subdomain.clone().map(Value::String).as_ref(),
        &"my-gateway".into(),
    ));
    text.push_str(&part(
        &["Clients whose files lead to the gateway while it runs: `mcpgw configure --list` names them."],
        "configure",
        Some(&wishes.configure).filter(|all| !all.is_empty()).map(|all| strings(all)).as_ref(),
        &strings(&["cursor", "claude-code"]),
    ));
    text.push_str(&part(
        &["Keep the variables in a file as well, and run a command whenever the address is new."],
        "env-file",
        None,
        &".env".into(),
    ));
    text.push_str(&key("on-url", None, &"echo $APP_URL".into()));
    text
}

/// APP_URL is set for everybody.
fn variables(era: Option<&Era>) -> String {
    let pairs = |pairs: &[(&str, &str)]| {
        Value::Table(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    };
    let example = pairs(&[("BETTER_AUTH_URL", "{url}")]);
    let Some(era) = era.filter(|era| !era.env.is_empty()) else {
        let comment =
            ["Variables for the gateway beside APP_URL; {url}, {host}, {port} and {profile} are filled in."];
        return part(&comment, "env", None, &example);
    };
    let comment = format!("What it reads its public address from, beside APP_URL: {}.", era.what);
    part(&[&comment], "env", Some(&pairs(era.env)), &example)
}

fn warning(start: Option<&Start>) -> String {
    match start {
        Some(start) if start.indirect => {
            "# Careful: a task runner in between may take APP_URL away from the gateway.\n".into()
        }
        _ => String::new(),
    }
}

fn of<T>(found: Option<&Found<T>>) -> Option<&str> {
    found.map(|found| found.at.as_str())
}

fn lines(what: &str, at: Option<&str>) -> Vec<String> {
    let found = at.map(|at| format!("Found: {}.", at.replace(char::is_control, "?")));
    std::iter::once(what.to_string()).chain(found).collect()
}

fn strings(words: &[impl AsRef<str>]) -> Value {
    Value::Array(words.iter().map(|word| word.as_ref().into()).collect())
}

fn part(comment: &[impl AsRef<str>], name: &str, value: Option<&Value>, example: &Value) -> String {
    let comment: String = comment.iter().map(|line| format!("# {}\n", line.as_ref())).collect();
    format!("\n{comment}{}", key(name, value, example))
}

/// `name = value`, as a comment where nothing was decided.
fn key(name: &str, value: Option<&Value>, example: &Value) -> String {
    match value {
        Some(value) => format!("{name} = {value}\n"),
        None => format!("# {name} = {example}\n"),
    }
}
