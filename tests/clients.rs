//! `tunnel --configure`: clients are told the address when it is proven and get their files back when it dies.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Gateway, Home, LtServer, Mcpgw, free_port};

const BEFORE: &str =
    "{\n  // mine\n  \"mcpServers\": {\n    \"files\": { \"command\": \"npx\" } // keep\n  }\n}\n";

fn demo(home: &Home, more: &[&str]) -> Mcpgw {
    let port = free_port().to_string();
    Mcpgw::tunnel(home).args(["--demo", "--https-port", &port, "--configure"]).args(more)
}

#[test]
fn clients_are_told_the_address_and_get_their_files_back_at_the_end() {
    let home = Home::new();
    let cursor = home.write(".cursor/mcp.json", BEFORE);
    let codex = home.write(".codex/config.toml", "model = \"gpt\"\n");
    let mut session = demo(&home, &["cursor,codex,claude-desktop"]).start();
    let synced: Vec<Value> = (0..3).map(|_| session.expect("client_synced")).collect();
    let ready = session.expect("ready");
    assert_eq!((&synced[0]["client"], &synced[0]["action"]), (&json!("cursor"), &json!("updated")));
    assert_eq!(synced[0]["path"], cursor.to_str().unwrap());
    assert!(synced.iter().all(|event| event["reload"].is_string()), "{synced:?}");
    let (told, url) = (fs::read_to_string(&cursor).unwrap(), ready["mcp_url"].as_str().unwrap());
    assert!(told.contains(url) && told.contains("// mine"), "{told}");
    assert!(fs::read_to_string(&codex).unwrap().contains(url));
    if let Some(file) = ready["key_file"].as_str() {
        let key = fs::read_to_string(file).unwrap();
        assert!(told.contains(&format!("\"Authorization\": \"Bearer {}\"", key.trim())));
        assert!(!session.transcript().contains(key.trim()), "the key is never shown");
    }
    // A bridge outlives any address.
    let desktop = home.path().join(".config/Claude/claude_desktop_config.json");
    assert!(fs::read_to_string(&desktop).unwrap().contains("bridge"));
    session.stop();
    assert_eq!(fs::read_to_string(&cursor).unwrap(), BEFORE);
    assert_eq!(fs::read_to_string(&codex).unwrap(), "model = \"gpt\"\n");
    assert!(desktop.exists());
    let restored = session.events().iter().filter(|event| event["action"] == "restored").count();
    assert_eq!(restored, 2, "{}", session.transcript());
}

#[test]
fn what_is_to_be_kept_stays_and_can_be_undone() {
    let home = Home::new();
    let cursor = home.write(".cursor/mcp.json", BEFORE);
    let mut session = demo(&home, &["cursor", "--keep"]).start();
    session.expect("ready");
    session.stop();
    assert!(fs::read_to_string(&cursor).unwrap().contains("https://localhost"));
    Mcpgw::new(&home).args(["configure", "--undo"]).run();
    assert_eq!(fs::read_to_string(&cursor).unwrap(), BEFORE);
}

#[test]
fn a_name_that_was_asked_for_outlives_its_session_and_a_random_one_does_not() {
    let (server, gateway) = (LtServer::start(), Gateway::start(&[]));
    let port = gateway.port().to_string();
    for (more, stays) in [(vec!["--subdomain", "mine"], true), (vec![], false)] {
        let home = Home::new();
        let cursor = home.write(".cursor/mcp.json", BEFORE);
        let arguments =
            ["--port", &port, "--provider", "lt", "--server", &server.url(), "--configure", "cursor"];
        let mut session = Mcpgw::tunnel(&home).args(arguments).args(&more).start();
        session.expect("ready");
        assert_ne!(fs::read_to_string(&cursor).unwrap(), BEFORE);
        session.stop();
        assert_eq!(fs::read_to_string(&cursor).unwrap() != BEFORE, stays, "{more:?}");
    }
}

#[test]
fn what_a_killed_session_left_is_restored_by_the_next_command_that_writes() {
    for next in [&["stop"][..], &["configure", "kiro", "--url", "https://x.example"][..]] {
        let home = Home::new();
        let cursor = home.write(".cursor/mcp.json", BEFORE);
        let mut session = demo(&home, &["cursor"]).start();
        session.expect("ready");
        session.kill();
        session.leaves_nothing();
        assert_ne!(fs::read_to_string(&cursor).unwrap(), BEFORE);
        Mcpgw::new(&home).args(["configure", "--list"]).run();
        assert_ne!(fs::read_to_string(&cursor).unwrap(), BEFORE, "who looks changes nothing");
        let done = Mcpgw::new(&home).args(next).run();
        assert_eq!(done.code, 0, "{done:?}");
        assert!(done.stdout.contains(".cursor/mcp.json"), "{done:?}");
        assert_eq!(fs::read_to_string(&cursor).unwrap(), BEFORE, "{next:?}");
    }
}

#[test]
fn a_users_configure_during_a_session_is_not_taken_away_by_its_end() {
    let home = Home::new();
    let cursor = home.write(".cursor/mcp.json", BEFORE);
    let mut session = demo(&home, &["cursor"]).start();
    session.expect("ready");
    let done = Mcpgw::new(&home).args(["configure", "cursor", "--url", "https://mine.example/mcp"]).run();
    assert_eq!(done.code, 0, "{done:?}");
    session.stop();
    assert!(fs::read_to_string(&cursor).unwrap().contains("https://mine.example/mcp"));
    Mcpgw::new(&home).args(["configure", "--undo"]).run();
    assert_eq!(fs::read_to_string(&cursor).unwrap(), BEFORE);
}

#[test]
fn a_clients_trouble_is_a_notice_and_a_wrong_name_starts_nothing() {
    let home = Home::new();
    home.write(".cursor/mcp.json", "{");
    let mut session = demo(&home, &["cursor,kiro"]).start();
    let patience = std::time::Duration::from_secs(30);
    let notice =
        session.expect_where("the client's notice", patience, |event| event["code"] == "client.document");
    assert!(notice["message"].as_str().unwrap().contains(".cursor/mcp.json:1:2"), "{notice}");
    session.expect("ready");
    session.stop();
    let wrong = demo(&home, &["cursr"]).run();
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("did you mean cursor"), "{wrong:?}");
}

/// The project's key, as it is now.
fn key(home: &Home) -> String {
    let shown = Mcpgw::new(home).args(["key", "show"]).run();
    assert_eq!(shown.code, 0, "{shown:?}");
    shown.stdout.trim().to_string()
}

fn rotate(home: &Home) -> Value {
    let rotated = Mcpgw::new(home).args(["key", "rotate", "--json"]).run();
    assert_eq!(rotated.code, 0, "{rotated:?}");
    assert!(!rotated.stdout.contains(&key(home)), "the key is never shown");
    rotated.json()
}

#[test]
fn a_rotated_key_is_in_every_file_that_held_the_old_one_and_in_no_other() {
    let home = Home::new();
    let files = [
        home.write(".cursor/mcp.json", BEFORE),
        home.write(".codex/config.toml", "model = \"gpt\" # mine\r\n"),
        home.write(".config/goose/config.yaml", "extensions:\n  a:\n    type: builtin\nz: 1\n"),
    ];
    let before: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut session = demo(&home, &["kiro", "--auth", "key"]).start();
    session.expect("ready");
    let done = Mcpgw::new(&home).args(["configure", "cursor", "codex", "goose"]).run();
    assert_eq!(done.code, 0, "{done:?}");
    let elsewhere = home.path().join(".kiro/settings/mcp.json");
    let own = home.write(".claude.json", "{}");
    let call = [
        "configure",
        "claude-code",
        "--url",
        "https://x.example/mcp",
        "--header",
        "Authorization=Bearer mine-0123456789",
    ];
    assert_eq!(Mcpgw::new(&home).args(call).run().code, 0);
    let of_their_own = fs::read_to_string(&own).unwrap();
    let old = key(&home);
    let held: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(held.iter().all(|text| text.contains(&old)), "{held:?}");
    let told = rotate(&home);
    let new = key(&home);
    let clients: Vec<&str> =
        told["clients"].as_array().unwrap().iter().map(|client| client["id"].as_str().unwrap()).collect();
    assert_eq!(clients.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{told}");
    assert_eq!(told["sessions"].as_array().unwrap().len(), 1, "{told}");
    assert!(told["clients"].as_array().unwrap().iter().all(|client| client["reload"].is_string()), "{told}");
    for (file, held) in files.iter().zip(&held) {
        assert_eq!(fs::read_to_string(file).unwrap(), held.replace(&old, &new), "{}", file.display());
    }
    assert!(fs::read_to_string(&elsewhere).unwrap().contains(&new), "the session's own client");
    assert_eq!(fs::read_to_string(&own).unwrap(), of_their_own);
    session.stop();
    assert!(!elsewhere.exists(), "it is given back as it was");
    // To people, and once there is no session.
    let rotated = Mcpgw::new(&home).args(["key", "rotate"]).run();
    assert_eq!(rotated.code, 0, "{rotated:?}");
    assert!(
        rotated.stdout.contains("Cursor: the new key is in") && !rotated.stdout.contains("kiro"),
        "{rotated:?}"
    );
    Mcpgw::new(&home).args(["configure", "--undo"]).run();
    let after: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert_eq!(after, before);
}

#[test]
fn an_entry_that_somebody_made_their_own_gets_the_new_key_and_stays_theirs() {
    let home = Home::new();
    let cursor = home.write(".cursor/mcp.json", BEFORE);
    let mut session = demo(&home, &["kiro", "--auth", "key"]).start();
    let url = session.expect("ready")["mcp_url"].as_str().unwrap().to_string();
    assert_eq!(Mcpgw::new(&home).args(["configure", "cursor"]).run().code, 0);
    let text = fs::read_to_string(&cursor).unwrap().replace(&url, "https://proxy.example/mcp");
    fs::write(&cursor, &text).unwrap();
    let old = key(&home);
    rotate(&home);
    let theirs = text.replace(&old, &key(&home));
    assert_eq!(fs::read_to_string(&cursor).unwrap(), theirs);
    session.stop();
    Mcpgw::new(&home).args(["configure", "--undo"]).run();
    assert_eq!(fs::read_to_string(&cursor).unwrap(), theirs);
}

#[test]
fn what_a_session_gives_back_after_a_rotation_holds_the_new_key_too() {
    let home = Home::new();
    let cursor = home.write(".cursor/mcp.json", BEFORE);
    let mut first = demo(&home, &["kiro", "--auth", "key"]).start();
    first.expect("ready");
    assert_eq!(Mcpgw::new(&home).args(["configure", "cursor"]).run().code, 0);
    first.stop();
    let configured = fs::read_to_string(&cursor).unwrap();
    let mut second = demo(&home, &["cursor", "--auth", "key"]).start();
    second.expect("ready");
    assert_ne!(fs::read_to_string(&cursor).unwrap(), configured);
    let old = key(&home);
    rotate(&home);
    second.stop();
    assert_eq!(fs::read_to_string(&cursor).unwrap(), configured.replace(&old, &key(&home)));
    Mcpgw::new(&home).args(["configure", "--undo"]).run();
    assert_eq!(fs::read_to_string(&cursor).unwrap(), BEFORE);
    // A key of the user's own takes the kept one's place, in files too.
    let mut third = demo(&home, &["kiro", "--auth", "key"]).start();
    third.expect("ready");
    assert_eq!(Mcpgw::new(&home).args(["configure", "cursor"]).run().code, 0);
    third.stop();
    let own = "my-own-key_of~some.length";
    let mut fourth = demo(&home, &["kiro", "--auth", "key"]).env("MCPGW_KEY", own).start();
    fourth.expect("ready");
    assert!(fs::read_to_string(&cursor).unwrap().contains(own));
    fourth.stop();
}

#[test]
fn sessions_of_two_projects_tell_a_client_side_by_side_and_each_takes_its_own_back() {
    let home = Home::new();
    let cursor = home.write(".cursor/mcp.json", BEFORE);
    let in_project = |name: &str| {
        home.write(&format!("{name}/mcpgw.toml"), "");
        let mut session = demo(&home, &["cursor"]).current_dir(&home.path().join(name)).start();
        session.expect("ready");
        session
    };
    let mut shop = in_project("shop");
    let mut blog = in_project("blog");
    assert!(blog.events().iter().any(|event| event["code"] == "client.beside"), "{}", blog.transcript());
    let text = fs::read_to_string(&cursor).unwrap();
    assert!(text.contains("\"mcpgw\"") && text.contains("\"mcpgw-blog\""), "{text}");
    shop.stop();
    let text = fs::read_to_string(&cursor).unwrap();
    assert!(!text.contains("\"mcpgw\"") && text.contains("\"mcpgw-blog\""), "{text}");
    blog.stop();
    assert_eq!(fs::read_to_string(&cursor).unwrap(), BEFORE);
}

#[test]
fn a_folder_that_had_a_session_is_known_again_without_one() {
    let home = Home::new();
    home.write("shop/mcpgw.toml", "");
    fs::create_dir(home.path().join("plain")).unwrap();
    let configure = |folder: &str, args: &[&str]| {
        let folder = home.path().join(folder);
        let done =
            Mcpgw::new(&home).current_dir(&folder).args(["configure", "cursor", "--json"]).args(args).run();
        assert_eq!(done.code, 0, "{done:?}");
        done.json()["clients"][0].clone()
    };
    configure("shop", &["--url", "https://shop.example/mcp"]);
    let plain = home.path().join("plain");
    let mut session = demo(&home, &["cursor", "--keep", "--auth", "key"]).current_dir(&plain).start();
    session.expect("ready");
    session.stop();
    assert_eq!(configure("plain", &["--remove"])["entry"], "mcpgw-plain");
    assert!(home.read(".cursor/mcp.json").contains("https://shop.example/mcp"));
}

#[test]
fn a_gateways_own_project_never_gets_the_address_of_anothers_session() {
    let home = Home::new();
    home.write("shop/mcpgw.toml", "");
    home.write("blog/mcpgw.toml", format!("port = {}\n", free_port()));
    fs::create_dir_all(home.path().join("app/.git")).unwrap();
    let mut shop = demo(&home, &["kiro"]).current_dir(&home.path().join("shop")).start();
    let url = shop.expect("ready")["mcp_url"].as_str().unwrap().to_string();
    let configure = |folder: &str, args: &[&str]| {
        let folder = home.path().join(folder);
        let done = Mcpgw::new(&home).current_dir(&folder).args(["configure", "--json"]).args(args).run();
        assert_eq!(done.code, 0, "{done:?}");
        done.json()
    };
    let blog = configure("blog", &["cursor", "claude-desktop"]);
    assert!(blog["clients"][0]["url"].as_str().unwrap().starts_with("http://localhost:"), "{blog}");
    assert!(
        blog["notices"][0]["message"].as_str().unwrap().contains("no session of this project runs"),
        "{blog}"
    );
    let desktop = fs::read_to_string(home.path().join(".config/Claude/claude_desktop_config.json")).unwrap();
    assert!(desktop.contains("/blog\""), "{desktop}");
    // A folder that only uses the gateway gets the one that runs, and is told whose.
    let app = configure("app", &["vscode", "--scope", "project"]);
    assert_eq!(app["clients"][0]["url"], url, "{app}");
    assert!(app["notices"][0]["message"].as_str().unwrap().contains("/shop"), "{app}");
    assert_eq!(configure("blog", &["cursor", "--session", "shop"])["clients"][0]["url"], url);
    shop.stop();
}
