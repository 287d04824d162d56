//! Faults in clients' files.

use super::*;

/// Clients' files, in a world where two clients were configured as they should be.
pub(super) const CLIENTS: &[Seed] = &[
    seed("client.leftovers", Fixed(leftover), "its address is still in"),
    seed("client.cursor", File(CURSOR, Some("{\n  \"mcpServers\": {,}\n}")), "mcp.json:2:"),
    seed(
        "client.cursor",
        Act(
            |bench| {
                edit(
                    bench,
                    |url, _| json!({"mcpgw": {"url": url.replace(".localhost", ".yesterday.example")}}),
                )
            },
            |_| {},
        ),
        "yesterday.example",
    ),
    seed(
        "client.cursor",
        Act(|bench| edit(bench, |url, _| json!({"mcpgw": {"url": url}})), |_| {}),
        "does not send the session's key",
    ),
    seed(
        "client.cursor",
        Act(|bench| edit(bench, |_, entry| json!({"mcpgw": entry, "again": entry})), |_| {}),
        "every tool is there twice",
    ),
    seed(
        "client.claude-desktop",
        File(CLAUDE, Some(r#"{"mcpServers": {"mcpgw": {"url": "https://x.example/mcp"}}}"#)),
        "starts programs only",
    ),
    seed(
        "client.claude-desktop",
        File(CLAUDE, Some(r#"{"mcpServers": {"mcpgw": {"command": "/nowhere/mcpgw", "args": ["bridge"]}}}"#)),
        "/nowhere/mcpgw",
    ),
    seed(
        "client.claude-desktop",
        File(
            CLAUDE,
            Some(
                r#"{"mcpServers": {"mcpgw-old": {"command": "mcpgw", "args": ["bridge", "--project", "/nowhere/old"]}}}"#,
            ),
        ),
        "the bridge of /nowhere/old, which is gone",
    ),
];

/// A session that was killed after it had told Cursor its address.
fn leftover(bench: &mut Bench) {
    let cursor = client::find("cursor").unwrap();
    let place = client::Place {
        client: cursor,
        path: bench.home.path().join(CURSOR),
        scope: Scope::User,
        name: "mcpgw".into(),
        project: None,
    };
    let link = client::Link::Http {
        url: "https://yesterday.loca.lt/api/mcp/default".into(),
        key: None,
        headers: vec![],
    };
    let writer = client::Writer::Session("0badf00d".into());
    client::configure(&State::at(bench.home.state()), &place, &link, true, &writer).unwrap();
}

const CURSOR: &str = ".cursor/mcp.json";
const CLAUDE: &str = ".config/Claude/claude_desktop_config.json";

/// Cursor's servers, made from the session's MCP URL and the entry that was there.
fn edit(bench: &mut Bench, servers: fn(&str, &Value) -> Value) {
    let url = bench.record()["mcp_url"].as_str().unwrap().to_string();
    let old: Value = serde_json::from_str(&bench.home.read(CURSOR)).unwrap();
    let new = json!({"mcpServers": servers(&url, &old["mcpServers"]["mcpgw"])});
    bench.put(CURSOR, Some(&new.to_string()));
}

#[test]
fn what_is_wrong_in_clients_files_is_found() {
    let bench = Bench::live();
    let output = bench.mcpgw().args(["configure", "cursor", "claude-desktop"]).run();
    assert_eq!(output.code, 0, "{output:#?}");
    let table = bench.doctor(&[]);
    for id in ["client.cursor", "client.claude-desktop"] {
        let row = rows(&table).into_iter().find(|row| row["id"] == id).unwrap();
        assert_eq!(row["verdict"], "pass", "{row}");
    }
    run(bench, CLIENTS);
}

#[test]
fn no_client_that_was_configured_raises_an_alarm() {
    let bench = Bench::live();
    let listed = bench.mcpgw().args(["configure", "--list", "--experimental", "--json"]).run().json();
    let clients = listed["clients"].as_array().unwrap();
    let ids: Vec<&str> =
        clients.iter().filter(|one| one["path"].is_string()).map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.len() > 20, "{listed}");
    // One after the other: some have no file on this system, which is told.
    let told = bench.mcpgw().args(["configure", "--experimental"]).args(&ids).run();
    let rows = rows(&bench.doctor(&["--only", "client"]));
    for id in ids {
        let row = rows.iter().find(|row| row["id"] == format!("client.{id}")).unwrap();
        assert_eq!(row["verdict"], "pass", "{row}\n{told:?}");
    }
}
