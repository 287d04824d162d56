//! `mcpgw configure`: every client's entry in its shape and place, nothing else touched, and everything undone.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use support::{Home, Mcpgw, Output};

const URL: &str = "https://abc.loca.lt/api/mcp/my-profile";

fn configure<'a>(home: &Home, args: impl IntoIterator<Item = &'a str>) -> Output {
    Mcpgw::new(home).args(["configure"]).args(args).run()
}

/// One that must work; its document.
fn done<'a>(home: &Home, args: impl IntoIterator<Item = &'a str>) -> Value {
    let output = configure(home, args.into_iter().chain(["--json"]));
    assert_eq!(output.code, 0, "{output:#?}");
    output.json()
}

/// Where the client's file is.
fn path_of(home: &Home, client: &str) -> PathBuf {
    static BELOW_HOME: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let below = BELOW_HOME.get_or_init(|| {
        let empty = Home::new();
        let list = done(&empty, ["--list"]);
        let rows = list["clients"].as_array().unwrap().iter();
        let path = |row: &Value| {
            Some(Path::new(row["path"].as_str()?).strip_prefix(empty.path()).unwrap().to_owned())
        };
        rows.filter_map(|row| Some((row["id"].as_str()?.to_string(), path(row)?))).collect()
    });
    home.path().join(below.get(client).unwrap_or_else(|| panic!("{client} has no file here")))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A case under `fixtures/configs`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    client: String,
    folder: PathBuf,
    /// The client's file before, if there is one.
    before: Option<Vec<u8>>,
    after: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/configs");
    let below =
        |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut cases = vec![];
    for client in below(&root) {
        for folder in below(&client) {
            cases.push(Case {
                client: client.file_name().unwrap().to_str().unwrap().to_string(),
                before: fs::read(folder.join("before")).ok(),
                after: fs::read(folder.join("after")).unwrap_or_default(),
                folder,
            });
        }
    }
    cases.sort();
    cases
}

#[test]
fn every_fixture_gets_its_entry_once_and_is_undone_to_the_byte() {
    // Each case is its own home: two at a time, for most of it is starting programs.
    let cases = Mutex::new(cases().into_iter());
    let work = || {
        while let Some(case) = { cases.lock().unwrap().next() } {
            one_fixture(&case);
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
}

fn one_fixture(Case { client, folder, before, after }: &Case) {
    let client = client.as_str();
    let own = env!("CARGO_BIN_EXE_mcpgw");
    let home = Home::new();
    let path = path_of(&home, client);
    if let Some(before) = before {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, before).unwrap();
    }
    let args = [client, "--profile", "my-profile", "--experimental"];
    let address = ["--url", URL];
    let args: Vec<&str> = match client {
        "claude-desktop" => args.into(),
        _ => args.into_iter().chain(address).collect(),
    };
    done(&home, args.iter().copied());
    let written = fs::read(&path).unwrap();
    // Where mcpgw and its state lie differs from run to run.
    let told = String::from_utf8(written.clone()).unwrap();
    let told =
        told.replace(own, "/usr/local/bin/mcpgw").replace(home.state().to_str().unwrap(), "/home/me/.mcpgw");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(folder.join("after"), &told).unwrap();
    } else {
        assert_eq!(told, String::from_utf8_lossy(after), "{}", folder.display());
    }
    assert_eq!(
        done(&home, args.iter().copied())["clients"][0]["action"],
        "unchanged",
        "{}",
        folder.display()
    );
    assert_eq!(fs::read(&path).unwrap(), written);
    done(&home, [client, "--undo"]);
    assert_eq!(fs::read(&path).ok(), *before, "{}", folder.display());
}

#[test]
fn every_client_offered_here_has_a_fixture() {
    let home = Home::new();
    let with_cases: Vec<String> = cases().into_iter().map(|case| case.client).collect();
    let list = done(&home, ["--list"]);
    for row in list["clients"].as_array().unwrap() {
        let keys: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["confidence", "configured", "id", "installed", "name", "path"]);
        if row["confidence"] != "low" && !row["path"].is_null() {
            assert!(with_cases.iter().any(|client| row["id"] == client.as_str()), "{row}");
        }
    }
}

#[test]
fn what_a_client_knows_of_itself_is_listed() {
    let home = Home::new();
    home.write(".cursor/mcp.json", "{}");
    let row = |home: &Home| {
        let list = done(home, ["--list"]);
        list["clients"].as_array().unwrap().iter().find(|row| row["id"] == "cursor").unwrap().clone()
    };
    assert_eq!(
        (row(&home)["installed"].clone(), row(&home)["configured"].clone()),
        (json!(true), json!(false))
    );
    done(&home, ["cursor", "--url", URL]);
    assert_eq!(row(&home)["configured"], true);
    let text = configure(&home, ["--list"]).stdout;
    assert!(text.starts_with("cursor "), "what is here comes first: {text}");
    assert!(text.lines().any(|line| line.starts_with("trae") && line.contains("--experimental")), "{text}");
}

#[test]
fn several_configures_are_one_to_undo_and_a_users_edit_in_between_stays() {
    let home = Home::new();
    let before = "{\n  \"mcpServers\": {\n    \"a\": {\"command\": \"a\"}\n  }\n}\n";
    let path = home.write(".cursor/mcp.json", before);
    for name in ["one", "two", "three"] {
        done(&home, ["cursor", "--url", &format!("https://{name}.example")]);
    }
    done(&home, ["--undo"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    done(&home, ["cursor", "--url", URL]);
    let edited = fs::read_to_string(&path).unwrap().replace("\"command\": \"a\"", "\"command\": \"b\"");
    fs::write(&path, &edited).unwrap();
    done(&home, ["cursor", "--url", "https://four.example"]);
    done(&home, ["--undo"]);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        before.replace("\"command\": \"a\"", "\"command\": \"b\"")
    );
    assert!(configure(&home, ["--undo"]).stdout.contains("nothing to undo"));
}

#[test]
fn an_undo_names_clients_or_is_for_all() {
    let home = Home::new();
    let files = [home.write(".cursor/mcp.json", "{}"), home.write(".kiro/settings/mcp.json", "{ }")];
    done(&home, ["cursor", "kiro", "--url", URL]);
    done(&home, ["kiro", "--undo"]);
    let text = |at: usize| fs::read_to_string(&files[at]).unwrap();
    assert_eq!(text(1), "{ }");
    assert!(text(0).contains(URL));
    done(&home, ["--undo"]);
    assert_eq!(text(0), "{}");
}

#[test]
fn two_entries_in_one_file_are_undone_one_by_one() {
    let home = Home::new();
    let before = "{\"mcpServers\":{\"a\":{}}}";
    let path = home.write(".mcp.json", before);
    let project = ["--scope", "project", "--url", URL];
    done(&home, ["claude-code"].into_iter().chain(project));
    done(&home, ["copilot-cli", "--name", "other"].into_iter().chain(project));
    done(&home, ["claude-code", "--undo"]);
    let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(value["mcpServers"]["mcpgw"].is_null() && value["mcpServers"]["other"].is_object(), "{value}");
    done(&home, ["--undo"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn somebody_elses_entry_stays_unless_forced_and_comes_back() {
    let home = Home::new();
    let before = "{\"mcpServers\": {\"mcpgw\": {\"command\": \"theirs\", \"args\": []}}}";
    let path = home.write(".cursor/mcp.json", before);
    let refused = configure(&home, ["cursor", "--url", URL]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("--force") && refused.stderr.contains(".cursor/mcp.json"), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert_eq!(configure(&home, ["cursor", "--remove"]).code, 1);
    done(&home, ["cursor", "--url", URL, "--force"]);
    let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(value["mcpServers"]["mcpgw"], json!({"url": URL}));
    // Another program writes the file anew in a layout of its own.
    fs::write(&path, serde_json::to_string_pretty(&value).unwrap()).unwrap();
    done(&home, ["--undo"]);
    let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(value["mcpServers"]["mcpgw"]["command"], "theirs");
}

#[test]
fn our_entry_is_updated_in_place_and_keeps_what_the_user_added() {
    let home = Home::new();
    let path = home.write(".codeium/windsurf/mcp_config.json", "{}");
    done(&home, ["windsurf", "--url", URL, "--header", "X-Team=blue"]);
    let text = fs::read_to_string(&path).unwrap();
    let text = text
        .replace("\"headers\"", "\"disabledTools\": [ \"x\" ],\n      \"headers\"")
        .replace("\"X-Team\"", "\"X-Mine\": \"${env:MINE}\",\n        \"X-Team\"");
    fs::write(&path, &text).unwrap();
    done(&home, ["windsurf", "--url", "https://new.example/mcp"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text.replace(URL, "https://new.example/mcp"));
    // What somebody made their own is not ours any more.
    fs::write(&path, text.replace(URL, "https://theirs.example/mcp")).unwrap();
    assert_eq!(configure(&home, ["windsurf", "--url", URL]).code, 1);
    done(&home, ["--undo"]);
    assert!(fs::read_to_string(&path).unwrap().contains("https://theirs.example/mcp"));
}

#[test]
fn a_removal_takes_the_entry_and_what_was_made_for_it() {
    let home = Home::new();
    let path = home.write(".cursor/mcp.json", "{\n  \"x\": 1\n}\n");
    done(&home, ["cursor", "--url", URL]);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"x\": 1", "\"x\": 2")).unwrap();
    assert_eq!(done(&home, ["cursor", "--remove"])["clients"][0]["action"], "removed");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  \"x\": 2\n}\n");
    assert_eq!(done(&home, ["cursor", "--remove"])["clients"][0]["action"], "unchanged");
    assert_eq!(done(&home, ["kiro", "--remove"])["clients"][0]["action"], "unchanged");
    assert!(!home.path().join(".kiro").exists());
}

#[test]
fn links_and_modes_stay_and_a_new_file_with_a_secret_is_private() {
    let home = Home::new();
    let real = home.write("dotfiles/cursor.json", "{}\n");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(home.path().join(".cursor")).unwrap();
    symlink("../dotfiles/cursor.json", home.path().join(".cursor/mcp.json")).unwrap();
    let told = done(&home, ["cursor", "--url", URL, "--header", "X-Key=0123456789"]);
    assert!(fs::symlink_metadata(home.path().join(".cursor/mcp.json")).unwrap().is_symlink());
    assert_eq!(mode(&real), 0o640);
    assert!(fs::read_to_string(&real).unwrap().contains(URL));
    let warning = &told["clients"][0]["warnings"][0];
    assert_eq!(warning["code"], "client.readable");
    assert!(warning["fix"].as_str().unwrap().starts_with("chmod 600 "), "{told}");
    done(&home, ["kiro", "--url", URL, "--header", "X-Key=0123456789"]);
    assert_eq!(mode(&home.path().join(".kiro/settings/mcp.json")), 0o600);
    done(&home, ["--undo"]);
    assert_eq!(fs::read_to_string(&real).unwrap(), "{}\n");
    assert!(!home.path().join(".kiro").exists(), "the folders that were made go too");
}

#[test]
fn a_refusal_leaves_the_file_and_names_the_place() {
    let cases: [(&str, &[u8], &str); 10] = [
        (
            "cursor",
            b"{\n  \"mcpServers\": {\n    \"a\": 1\n    \"b\": 2\n  }\n}",
            ":4:5: a comma or `}` must follow",
        ),
        ("cursor", b"{\n  \"mcpServers\": []\n}", ":2:17: `mcpServers` must be an object, and is a list"),
        ("cursor", b"\"text\"", ":1:1: the document must be an object"),
        ("cursor", b"\xff\xfe{\x00}\x00", "UTF-16"),
        ("cursor", b"{\n \"\xe9\": 1}", ":2:3: a byte there is not UTF-8"),
        ("claude-code", b"{\n  // mine\n}", ":2:3: a comment, which this client does not read"),
        ("gemini-cli", b"{\n  \"a\": 1,\n}", ":2:9: a comma before a closing bracket"),
        ("cursor", b"{\"a\": 1}}", ":1:9: the document has ended"),
        ("cursor", b"{'a': 1}", ":1:2: a key in double quotes"),
        ("goose", b"a: 1\nextensions: {}\na: 2\n", ":3:1: the key `a` is there for the second time"),
    ];
    for (client, before, words) in cases {
        let home = Home::new();
        let path = path_of(&home, client);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, before).unwrap();
        let refused = configure(&home, [client, "--url", URL]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(
            fs::read_dir(path.parent().unwrap())
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with(".mcpgw-"))
                .count(),
            0
        );
        assert_eq!(configure(&home, [client, "--undo"]).code, 0);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_folder_and_a_read_only_file_are_refused() {
    let home = Home::new();
    fs::create_dir_all(home.path().join(".cursor/mcp.json")).unwrap();
    let folder = configure(&home, ["cursor", "--url", URL]);
    assert!(folder.code == 1 && folder.stderr.contains("it is a folder"), "{folder:?}");
    let path = home.write(".kiro/settings/mcp.json", "{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let read_only = configure(&home, ["kiro", "--url", URL]);
    assert!(read_only.code == 1 && read_only.stderr.contains("read-only"), "{read_only:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
}

#[test]
fn one_clients_trouble_is_not_the_others() {
    let home = Home::new();
    home.write(".cursor/mcp.json", "{");
    let output = configure(&home, ["cursor", "kiro", "--url", URL, "--json"]);
    assert_eq!(output.code, 1);
    let told = output.json();
    assert_eq!(told["clients"][0]["error"]["code"], "client.document");
    assert_eq!(told["clients"][1]["action"], "created");
}

#[test]
fn a_dry_run_shows_a_diff_without_secrets_and_writes_nothing() {
    let home = Home::new();
    let before = "{\n  \"mcpServers\": {}\n}\n";
    let path = home.write(".cursor/mcp.json", before);
    let shown = configure(&home, ["cursor", "--url", URL, "--header", "X-Key=verysecret", "--dry-run"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for words in ["--- ", "+++ ", "@@ -1,3 +1,10 @@", "-  \"mcpServers\": {}", URL, "\"X-Key\": \"***\""] {
        assert!(shown.stdout.contains(words), "{words}:\n{}", shown.stdout);
    }
    assert!(!format!("{shown:?}").contains("verysecret"));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert!(!home.state().join("clients").exists());
}

#[test]
fn the_project_has_files_of_its_own() {
    let home = Home::new();
    let shop = home.path().join("shop");
    fs::create_dir_all(shop.join("src")).unwrap();
    fs::create_dir(shop.join(".git")).unwrap();
    let run =
        |args: &[&str]| Mcpgw::new(&home).args(["configure"]).args(args).current_dir(&shop.join("src")).run();
    let done = run(&["vscode", "claude-code", "--scope", "project", "--url", URL, "--name", "shop"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(home.read("shop/.vscode/mcp.json").contains("\"shop\""));
    assert!(home.read("shop/.mcp.json").contains(URL));
    assert!(done.stdout.contains("waits for your approval"), "{}", done.stdout);
    let none = run(&["windsurf", "--scope", "project", "--url", URL]);
    assert!(none.code == 2 && none.stderr.contains("no project file"), "{none:?}");
}

#[test]
fn variables_and_flags_lead_to_unusual_places() {
    let home = Home::new();
    let elsewhere = home.path().join("elsewhere");
    let run = Mcpgw::new(&home)
        .args(["configure", "claude-code", "--url", URL])
        .env("CLAUDE_CONFIG_DIR", &elsewhere)
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(home.read("elsewhere/.claude.json").contains(URL));
    assert!(!home.path().join(".claude.json").exists());
    done(&home, ["cursor", "--url", URL, "--config", "~/odd/mcp.json"]);
    assert!(home.read("odd/mcp.json").contains(URL));
    assert_eq!(configure(&home, ["cursor", "kiro", "--config", "x"]).code, 2);
}

#[test]
fn who_is_meant_must_be_said() {
    let home = Home::new();
    home.write(".kiro/settings/mcp.json", "{}");
    let nobody = Mcpgw::new(&home).without_tools().args(["configure"]).run();
    assert!(nobody.code == 2 && nobody.stderr.contains("kiro"), "{nobody:?}");
    let unknown = configure(&home, ["emacs"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("no such client"), "{unknown:?}");
    let unseen = configure(&home, ["trae", "--url", URL]);
    assert!(unseen.code == 2 && unseen.stderr.contains("--experimental"), "{unseen:?}");
    let all =
        Mcpgw::new(&home).without_tools().args(["configure", "--all", "--url", URL, "--json"]).run().json();
    assert_eq!(
        all["clients"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>(),
        [json!("kiro")]
    );
}

#[test]
fn who_has_no_file_is_told_what_to_enter() {
    let home = Home::new();
    let told = done(&home, ["chatgpt", "cursor", "--url", "https://abc.loca.lt"]);
    let rows = told["clients"].as_array().unwrap();
    assert_eq!((&rows[0]["id"], &rows[0]["action"]), (&json!("chatgpt"), &json!("by hand")));
    assert_eq!(rows[0]["url"], "https://abc.loca.lt/api/mcp/default");
    assert_eq!(rows[1]["action"], "created");
    // It connects from the internet, where this machine's own address leads nowhere.
    let local = configure(&home, ["claude-web"]);
    assert!(local.code == 1 && local.stderr.contains("mcpgw tunnel"), "{local:?}");
}

#[test]
fn without_a_session_it_leads_to_the_gateway_here() {
    let home = Home::new();
    home.write("mcpgw.toml", "port = 4321\nprofile = 'team'\n");
    let told = done(&home, ["cursor"]);
    assert_eq!(told["clients"][0]["url"], "http://localhost:4321/api/mcp/team");
    done(&home, ["cursor", "--via", "bridge"]);
    let value: Value = serde_json::from_str(&home.read(".cursor/mcp.json")).unwrap();
    let entry = &value["mcpServers"]["mcpgw"];
    assert_eq!(entry["command"], env!("CARGO_BIN_EXE_mcpgw"));
    let folder = home.path().to_str().unwrap();
    assert_eq!(entry["args"], json!(["bridge", "--profile", "team", "--project", folder]));
    assert_eq!(entry["env"]["MCPGW_HOME"], home.state().to_str().unwrap());
    assert!(entry["url"].is_null());
    // What no settings file says, the bridge is told; what one says, it reads.
    done(&home, ["cursor", "--via", "bridge", "--mcp-path", "/mcp", "--port", "4321"]);
    let value: Value = serde_json::from_str(&home.read(".cursor/mcp.json")).unwrap();
    let args = json!(["bridge", "--profile", "team", "--project", folder, "--mcp-path", "/mcp"]);
    assert_eq!(value["mcpServers"]["mcpgw"]["args"], args);
    let told = done(&home, ["cursor", "--mcp-path", "/mcp/{profile}"]);
    assert_eq!(told["clients"][0]["url"], "http://localhost:4321/mcp/team");
    assert_eq!(configure(&home, ["cursor", "--mcp-path", "mcp"]).code, 2);
}

/// A project of this name; what `configure` does there.
fn project(home: &Home, name: &str) -> impl Fn(&[&str]) -> Output {
    home.write(&format!("{name}/mcpgw.toml"), "");
    let folder = home.path().join(name);
    let home = home.environment();
    move |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mcpgw"));
        command.current_dir(&folder).env_clear().envs(home.clone()).env("PATH", "/nowhere");
        let output = command.arg("configure").args(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Output { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

#[test]
fn each_project_has_an_entry_of_its_own_and_none_goes_without_a_word() {
    let home = Home::new();
    let (shop, blog) = (project(&home, "shop"), project(&home, "blog"));
    let servers = || -> Value {
        let value: Value = serde_json::from_str(&home.read(".cursor/mcp.json")).unwrap();
        value["mcpServers"].clone()
    };
    let url = |name: &str| format!("https://{name}.example/mcp");
    assert_eq!(shop(&["cursor", "--url", &url("shop")]).code, 0);
    let said = blog(&["cursor", "--url", &url("blog")]);
    let owner = home.path().join("shop").display().to_string();
    assert!(said.stdout.contains("`mcpgw-blog`") && said.stdout.contains(&owner), "{said:?}");
    let both = json!({"mcpgw": {"url": url("shop")}, "mcpgw-blog": {"url": url("blog")}});
    assert_eq!(servers(), both);
    // Each finds its own again, also when the other's name has become free.
    let again = blog(&["cursor", "--url", &url("new"), "--json"]).json();
    assert_eq!(again["clients"][0]["entry"], "mcpgw-blog");
    assert_eq!(shop(&["cursor", "--remove"]).code, 0);
    assert_eq!(servers(), json!({"mcpgw-blog": {"url": url("new")}}));
    let gone = shop(&["cursor", "--remove"]);
    assert!(gone.code == 0 && gone.stdout.contains("unchanged"), "{gone:?}");
    assert_eq!(blog(&["cursor", "--url", &url("new")]).code, 0);
    assert_eq!(servers(), json!({"mcpgw-blog": {"url": url("new")}}));
    assert_eq!(shop(&["cursor", "--url", &url("shop")]).code, 0);
    // A name that was given is taken, and whose it was is said.
    let taken = blog(&["cursor", "--url", &url("blog"), "--name", "mcpgw", "--json"]).json();
    let warning = &taken["clients"][0]["warnings"][0];
    assert_eq!(warning["code"], "client.replaced", "{taken}");
    assert!(warning["message"].as_str().unwrap().contains(&owner), "{taken}");
    // A project that is gone has no use for its entry; nor has one that leads to the same place.
    home.write("cafe/mcpgw.toml", "");
    let (cafe, bar) = (project(&home, "cafe"), project(&home, "bar"));
    assert_eq!(cafe(&["kiro", "--url", &url("cafe")]).code, 0);
    let same = bar(&["kiro", "--url", &url("cafe"), "--json"]).json();
    assert_eq!(
        (&same["clients"][0]["entry"], &same["clients"][0]["action"]),
        (&json!("mcpgw"), &json!("unchanged"))
    );
    fs::remove_dir_all(home.path().join("cafe")).unwrap();
    let taken = bar(&["kiro", "--url", &url("bar"), "--json"]).json();
    assert_eq!(taken["clients"][0]["entry"], "mcpgw");
    assert_eq!(taken["clients"][0]["warnings"][0]["code"], "client.replaced", "{taken}");
    done(&home, ["--undo", "--all"]);
    assert!(!home.path().join(".kiro").exists() && !home.path().join(".cursor").exists());
}

#[test]
fn an_undo_is_of_this_project_alone_and_tells_each_file_once() {
    let home = Home::new();
    let (shop, blog) = (project(&home, "shop"), project(&home, "blog"));
    let before = "{\"mcpServers\": {}}\n";
    let path = home.write(".cursor/mcp.json", before);
    let servers = || -> Value {
        let value: Value = serde_json::from_str(&home.read(".cursor/mcp.json")).unwrap();
        value["mcpServers"].clone()
    };
    let configure_both = || {
        for (run, name) in [(&shop as &dyn Fn(&[&str]) -> Output, "shop"), (&blog, "blog")] {
            assert_eq!(run(&["cursor", "--url", &format!("https://{name}.example/mcp")]).code, 0);
        }
        assert_eq!(servers().as_object().unwrap().len(), 2);
    };
    let folder = |name: &str| home.path().join(name).display().to_string();
    configure_both();
    let undone = shop(&["--undo"]);
    assert_eq!(servers(), json!({"mcpgw-blog": {"url": "https://blog.example/mcp"}}), "{undone:?}");
    let line = format!("Cursor: restored {} (`mcpgw` of {})", path.display(), folder("shop"));
    assert!(undone.stdout.contains(&line), "{undone:?}");
    let stays = format!("entries for {} stay", folder("blog"));
    assert!(undone.stdout.contains(&stays) && undone.stdout.contains("--undo --all"), "{undone:?}");
    let nothing = shop(&["--undo"]);
    assert!(nothing.stdout.contains("nothing to undo") && nothing.stdout.contains(&stays), "{nothing:?}");
    configure_both();
    let document = configure(&home, ["--undo", "--json"]).json();
    assert_eq!(document["clients"], json!([]), "no project, and two that may be meant: {document}");
    assert_eq!(document["notices"][0]["code"], "client.others");
    let all = blog(&["--undo", "--all", "--json"]).json();
    assert_eq!(all["clients"].as_array().unwrap().len(), 1, "a file is told once: {all}");
    let mut named = all["clients"][0]["entries"].as_array().unwrap().clone();
    named.sort_by_key(|entry| entry["name"].to_string());
    assert_eq!(
        json!(named),
        json!([{"name": "mcpgw", "project": folder("shop")}, {"name": "mcpgw-blog", "project": folder("blog")}])
    );
    assert_eq!(home.read(".cursor/mcp.json"), before);
    configure_both();
    assert_eq!(shop(&["cursor", "--undo", "--name", "mcpgw-blog"]).code, 0);
    assert_eq!(servers(), json!({"mcpgw": {"url": "https://shop.example/mcp"}}));
    let only = configure(&home, ["--undo"]);
    assert!(only.stdout.contains(&folder("shop")), "outside of a project the only one's: {only:?}");
    assert_eq!(home.read(".cursor/mcp.json"), before);
}

#[test]
fn bridges_of_two_projects_stand_side_by_side() {
    let home = Home::new();
    let (shop, blog) = (project(&home, "shop"), project(&home, "blog"));
    assert_eq!(shop(&["claude-desktop"]).code, 0);
    // The entry itself says whose it is, also to an mcpgw that has forgotten.
    fs::remove_dir_all(home.state().join("clients")).unwrap();
    assert_eq!(blog(&["claude-desktop"]).code, 0);
    let value: Value = serde_json::from_str(&home.read(".config/Claude/claude_desktop_config.json")).unwrap();
    for (name, folder) in [("mcpgw", "shop"), ("mcpgw-blog", "blog")] {
        let args = value["mcpServers"][name]["args"].as_array().unwrap();
        assert_eq!(args[4], home.path().join(folder).to_str().unwrap(), "{value}");
    }
    let none = project(&home, "cafe")(&["claude-desktop", "--remove"]);
    assert!(none.stdout.contains("--remove --name mcpgw"), "{none:?}");
}

#[test]
fn where_nothing_runs_yet_one_line_says_so_with_the_way_out() {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let served = configure(&home, ["cursor", "kiro", "--port", &port]);
    assert!(
        served.stdout.contains(&format!("the gateway on port {port}, for this machine only")),
        "{served:?}"
    );
    drop(listener);
    let port = support::free_port().to_string();
    let told = configure(&home, ["cursor", "kiro", "--port", &port]);
    assert_eq!(told.stdout.matches("no session runs").count(), 1, "{told:?}");
    assert!(
        told.stdout.contains("leads nowhere yet") && told.stdout.contains("mcpgw tunnel --configure cursor"),
        "{told:?}"
    );
    let bridge = done(&home, ["claude"]);
    let codes: Vec<&str> =
        bridge["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["client.claude", "client.any_session"], "{bridge}");
    assert!(bridge["notices"][0]["fix"].as_str().unwrap().contains("claude-code"), "{bridge}");
    assert!(done(&home, ["cursor", "--url", URL])["notices"].is_null());
}

#[test]
fn who_connects_from_the_internet_is_told_what_is_lacking() {
    let home = Home::new();
    let fix = |args: &[&str]| {
        let output = configure(&home, args.iter().copied());
        assert_eq!(output.code, 1, "{output:?}");
        output.stderr.split_once("fix:").unwrap().1.to_string()
    };
    assert!(fix(&["chatgpt"]).contains("start a tunnel: mcpgw tunnel"));
    assert!(fix(&["chatgpt", "--url", "https://localhost:3443"]).contains("--url"));
    let https = support::free_port().to_string();
    let mut session = Mcpgw::tunnel(&home).args(["--demo", "--https-port", &https]).start();
    session.expect("ready");
    assert!(fix(&["claude-web"]).contains("mcpgw tunnel --provider"));
    session.stop();
    let server = support::LtServer::start();
    let mut session =
        Mcpgw::tunnel(&home).args(["--demo", "--provider", "lt", "--server", &server.url()]).start();
    session.expect("ready");
    assert!(fix(&["chatgpt"]).contains("without --server"));
    session.stop();
}
