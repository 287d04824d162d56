//! `mcpgw providers` and `mcpgw providers setup`, with stand-ins for the tools that write down how they were
//! called.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Home, Mcpgw, Output};

const TOKEN: &str = "2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1";
const CONFIG: &str = ".config/ngrok/ngrok.yml";
const NGROK: &str = "echo 'ngrok version 3.20.0'";
/// Logs in, lists, creates and routes as the real one does, as far as mcpgw can tell.
const CLOUDFLARED: &str = r#"case "$1 $2" in
"tunnel login") echo pem > "$HOME/.cloudflared/cert.pem";;
"tunnel list") cat "$HOME/list.json";;
"tunnel create") echo "[{\"id\":\"6f2b\",\"name\":\"$3\"}]" > "$HOME/list.json";;
"tunnel route") echo "INF $5 is already configured to route to your tunnel" >&2;;
*) echo "cloudflared version 2026.8.2 (built x)";;
esac"#;

/// A machine with a few stand-ins and nothing else.
struct World {
    home: Home,
}

impl World {
    fn new(tools: &[(&str, &str)]) -> Self {
        let world = Self { home: Home::new() };
        world.home.write(".cloudflared/readme", "");
        world.home.write("list.json", "null\n");
        world.home.write("bin/readme", "");
        tools.iter().for_each(|(name, script)| world.install(name, script));
        world
    }

    fn install(&self, name: &str, script: &str) {
        let script = format!("#!/bin/sh\necho \"{name} $*\" >> \"$HOME/calls\"\n{script}\n");
        let path = self.home.write(&format!("bin/{name}"), script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn mcpgw(&self, args: &[&str]) -> Mcpgw {
        Mcpgw::new(&self.home).without_tools().path_first(&self.path("bin")).args(["providers"]).args(args)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.mcpgw(args).run()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }

    /// How the stand-ins were called, but for their versions.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().filter(|call| !call.ends_with("version")).map(Into::into).collect()
    }

    fn forget_calls(&self) {
        let _ = fs::remove_file(self.path("calls"));
    }
}

fn by_id<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["providers"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_list_tells_what_is_missing_and_the_next_command() {
    let world = World::new(&[]);
    let document = world.run(&["--json"]).json();
    assert_eq!(document["version"], 1);
    let ids: Vec<_> = document["providers"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["localtunnel", "cloudflared", "ngrok", "local"]);
    for (id, login) in [("localtunnel", Value::Null), ("cloudflared", Value::Null), ("ngrok", false.into())] {
        let one = by_id(&document, id);
        assert_eq!(
            (&one["installed"], &one["ready"], &one["logged_in"]),
            (&false.into(), &false.into(), &login)
        );
        assert_eq!(one["next"], format!("mcpgw providers setup {id}"));
        assert!(one["why"].as_str().unwrap().contains("not installed"), "{one}");
        assert!(one["price"].is_string() && one["version"].is_null() && one["program"].is_null(), "{one}");
    }
    let local = by_id(&document, "local");
    assert_eq!((&local["ready"], &local["next"]), (&true.into(), &"mcpgw tunnel --provider local".into()));
}

#[test]
fn the_list_tells_versions_and_logins() {
    let world = World::new(&[("ngrok", NGROK), ("cloudflared", CLOUDFLARED), ("lt", "echo 2.0.2")]);
    let document = world.run(&["--json"]).json();
    for (id, program, version) in [
        ("localtunnel", "lt", "2.0.2"),
        ("cloudflared", "cloudflared", "2026.8.2"),
        ("ngrok", "ngrok", "3.20.0"),
    ] {
        let one = by_id(&document, id);
        assert_eq!((&one["installed"], &one["version"]), (&true.into(), &version.into()), "{one}");
        assert_eq!(one["program"], world.path("bin").join(program).display().to_string());
        assert_eq!(one["ready"], id != "ngrok", "{one}");
    }
    world.home.write(".cloudflared/cert.pem", "pem");
    let with_token = world.mcpgw(&["--json"]).env("NGROK_AUTHTOKEN", TOKEN).run();
    assert!(!with_token.stdout.contains(TOKEN));
    let document = with_token.json();
    assert_eq!(by_id(&document, "cloudflared")["logged_in"], true);
    let ngrok = by_id(&document, "ngrok");
    assert_eq!(
        (&ngrok["logged_in"], &ngrok["ready"], &ngrok["why"]),
        (&true.into(), &true.into(), &Value::Null)
    );
}

#[test]
fn people_get_plain_lines_of_80_columns_in_a_pipe() {
    let world = World::new(&[("ngrok", "echo 'ngrok version 2.3.41'")]);
    let output = world.mcpgw(&[]).env("NGROK_AUTHTOKEN", TOKEN).run();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let wide = output.stdout.lines().find(|line| line.chars().count() > 80 && !line.contains('/'));
    assert_eq!(wide, None);
    assert!(!output.stdout.contains('\x1b') && !output.stdout.contains(TOKEN));
    for words in ["localtunnel", "not ready", "this is ngrok 2", "mcpgw providers setup ngrok", "price"] {
        assert!(output.stdout.contains(words), "{words}:\n{}", output.stdout);
    }
}

#[test]
fn programs_that_never_answer_are_waited_for_side_by_side() {
    let hangs = "exec sleep 60";
    let world = World::new(&[("ngrok", hangs), ("cloudflared", hangs), ("lt", hangs)]);
    let began = Instant::now();
    let document = world.run(&["--json"]).json();
    assert!(began.elapsed() < Duration::from_secs(8), "one after the other: {:?}", began.elapsed());
    assert!(by_id(&document, "ngrok")["version"].is_null());
    assert_eq!(by_id(&document, "localtunnel")["ready"], true, "nobody asked for its version");
}

#[test]
fn settings_come_as_for_a_tunnel_and_a_mistake_in_them_is_named_with_its_place() {
    let world = World::new(&[]);
    world.home.write("tools/my-lt", "#!/bin/sh\necho 2.0.2\n");
    fs::set_permissions(world.path("tools/my-lt"), fs::Permissions::from_mode(0o755)).unwrap();
    let named = |mcpgw: Mcpgw| by_id(&mcpgw.run().json(), "localtunnel")["version"].clone();
    assert_eq!(named(world.mcpgw(&["--json", "--lt", "tools/my-lt"])), "2.0.2");
    assert_eq!(named(world.mcpgw(&["--json"]).env("MCPGW_LT", "tools/my-lt")), "2.0.2");
    world.home.write("mcpgw.toml", "lt = 'tools/my-lt'\n");
    assert_eq!(named(world.mcpgw(&["--json"])), "2.0.2");
    world.home.write("mcpgw.toml", "port = 3001\nprot = 5\n");
    for args in [&["--json"][..], &["setup", "lt"]] {
        let output = world.run(args);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""));
        assert!(output.stderr.contains("mcpgw.toml:2:1: unknown field `prot`"), "{}", output.stderr);
    }
}

#[test]
fn nothing_is_run_or_written_without_consent() {
    let world = World::new(&[("ngrok", NGROK), ("cloudflared", CLOUDFLARED), ("npm", "exit 1")]);
    let named = ["setup", "cloudflare", "--tunnel-name", "mcp", "--hostname", "mcp.example.com"];
    for (args, shown) in [
        (&["setup", "lt"][..], "npm install -g localtunnel"),
        (&["setup", "ngrok"], "ngrok config add-authtoken TOKEN"),
        (&named, "cloudflared tunnel route dns mcp mcp.example.com"),
    ] {
        let output = world.mcpgw(args).input(format!("{TOKEN}\n")).run();
        assert_eq!(output.code, 1);
        assert!(output.stdout.contains(shown) && output.stderr.contains("give --yes"), "{output:?}");
    }
    assert_eq!(world.calls(), Vec::<String>::new());
    assert!(!world.path(CONFIG).exists());
    let nameless = world.run(&["setup", "cloudflared", "--hostname", "mcp.example.com"]);
    assert_eq!(nameless.code, 2);
    assert!(nameless.stderr.contains("--tunnel-name"), "{}", nameless.stderr);
    // What needs nothing more is done.
    let quick = world.run(&["setup", "cloudflared"]);
    assert_eq!(quick.code, 0);
    for words in ["quick tunnels need nothing more", "cloudflared tunnel create NAME"] {
        assert!(quick.stdout.contains(words), "{words}:\n{}", quick.stdout);
    }
}

#[test]
fn what_is_not_installed_is_left_to_the_person() {
    let world = World::new(&[]);
    for (name, shown) in [
        ("ngrok", "https://ngrok.com/download"),
        ("cloudflared", "install cloudflared"),
        ("lt", "https://nodejs.org"),
    ] {
        let output = world.mcpgw(&["setup", name, "--yes"]).input(format!("{TOKEN}\n")).run();
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stdout.contains(shown) && output.stderr.contains("fix: "), "{output:?}");
    }
    assert!(!world.path(CONFIG).exists());
    let unknown = world.run(&["setup", "nonesuch"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("no provider of that name"), "{}", unknown.stderr);
}

#[test]
fn the_authtoken_goes_from_standard_input_into_ngroks_own_config_and_nowhere_else() {
    let world = World::new(&[("ngrok", NGROK)]);
    let setup = || world.mcpgw(&["setup", "ngrok", "--yes"]).input(format!("{TOKEN}\r\nmore\n")).run();
    let output = setup();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(!output.stdout.contains(TOKEN) && !output.stderr.contains(TOKEN), "{output:?}");
    assert_eq!(world.home.read(CONFIG), format!("version: \"3\"\nagent:\n    authtoken: {TOKEN}\n"));
    assert_eq!(mode(&world.path(CONFIG)), 0o600);
    assert!(!world.home.read("calls").contains(TOKEN) && world.calls().is_empty());
    let ngrok = by_id(&world.run(&["--json"]).json(), "ngrok").clone();
    assert_eq!((&ngrok["logged_in"], &ngrok["ready"]), (&true.into(), &true.into()));

    // Again: nothing is to be done, and nothing is touched.
    let written = || fs::metadata(world.path(CONFIG)).unwrap().modified().unwrap();
    let before = written();
    let again = setup();
    assert_eq!((again.code, written()), (0, before));
    assert!(again.stdout.contains("ngrok is ready") && !again.stdout.contains("to do"), "{again:?}");
    assert_eq!(world.run(&["setup", "ngrok"]).code, 0, "all done needs no consent");
}

#[test]
fn an_existing_config_of_ngroks_keeps_every_byte_its_mode_and_its_link() {
    let world = World::new(&[("ngrok", NGROK)]);
    let real = world
        .home
        .write("dotfiles/ngrok.yml", "# mine\r\nversion: \"3\"\r\nagent:\r\n  region: eu # near\r\n");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir_all(world.path(".config/ngrok")).unwrap();
    std::os::unix::fs::symlink(&real, world.path(CONFIG)).unwrap();
    let output = world.mcpgw(&["setup", "ngrok", "-y"]).input(TOKEN).run();
    assert_eq!(output.code, 0, "{output:?}");
    let expected =
        format!("# mine\r\nversion: \"3\"\r\nagent:\r\n  authtoken: {TOKEN}\r\n  region: eu # near\r\n");
    assert_eq!((fs::read_to_string(&real).unwrap(), mode(&real)), (expected, 0o644));
    assert!(fs::symlink_metadata(world.path(CONFIG)).unwrap().is_symlink());
    assert!(output.stdout.contains("chmod 600"), "others can read the token: {output:?}");
}

#[test]
fn a_token_that_is_none_and_a_config_that_cannot_be_edited_change_nothing() {
    let world = World::new(&[("ngrok", NGROK)]);
    let setup = |input: &str| world.mcpgw(&["setup", "ngrok", "--yes"]).input(input).run();
    let secret = "not a token because of the spaces";
    for input in ["", "\n", "short\n", secret] {
        let output = setup(input);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(!output.stderr.contains(secret) && output.stderr.contains("fix: "), "{output:?}");
        assert!(!world.path(CONFIG).exists());
    }
    let broken = "version: \"3\"\nagent: {region: eu}\n";
    world.home.write(CONFIG, broken);
    let output = setup(TOKEN);
    assert_eq!((output.code, world.home.read(CONFIG).as_str()), (1, broken));
    assert!(output.stderr.contains("ngrok.yml") && output.stderr.contains("it is as it was"), "{output:?}");
}

#[test]
fn a_named_tunnel_takes_login_create_and_route_in_order_and_each_is_skipped_when_done() {
    let world = World::new(&[("cloudflared", CLOUDFLARED)]);
    let args = ["setup", "cloudflared", "--yes", "--tunnel-name", "mcp", "--hostname", "mcp.example.com"];
    let steps = || {
        let calls = world.calls();
        world.forget_calls();
        calls.into_iter().filter(|call| !call.contains("tunnel list")).collect::<Vec<_>>()
    };
    let output = world.run(&args);
    assert_eq!(output.code, 0, "{output:?}");
    let [login, create, route] = [
        "cloudflared tunnel login",
        "cloudflared tunnel create mcp",
        "cloudflared tunnel route dns mcp mcp.example.com",
    ];
    assert_eq!(steps(), [login, create, route]);
    assert!(output.stdout.contains("--tunnel-name mcp --hostname mcp.example.com"), "{output:?}");
    // Nobody can look up where a name leads: that step is always run.
    assert_eq!(world.run(&args).code, 0);
    assert_eq!(steps(), [route]);
    world.home.write("list.json", "null");
    assert_eq!(world.run(&args).code, 0);
    assert_eq!(steps(), [create, route]);
    // The account is asked only when there is a login.
    fs::remove_file(world.path(".cloudflared/cert.pem")).unwrap();
    assert_eq!(world.run(&["setup", "cloudflared", "--tunnel-name", "mcp"]).code, 1);
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[test]
fn what_cloudflared_says_exists_already_is_done_and_worth_a_look() {
    let world = World::new(&[(
        "cloudflared",
        r#"case "$1 $2" in
        "tunnel list") exit 1;;
        "tunnel create") echo "tunnel with name Already Exists" >&2; exit 1;;
        "tunnel route") echo "code: 1003, reason: An A record with that host already exists." >&2; exit 1;;
        esac"#,
    )]);
    world.home.write(".cloudflared/cert.pem", "pem");
    let args = ["setup", "cloudflared", "--yes", "--tunnel-name", "mcp", "--hostname", "mcp.example.com"];
    let output = world.run(&args);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("--overwrite-dns mcp mcp.example.com"), "{output:?}");
}

#[test]
fn a_step_that_fails_ends_it_with_its_own_last_words() {
    let failing =
        CLOUDFLARED.replace("\"tunnel create\") ", "\"tunnel create\") echo no such luck >&2; exit 3; ");
    let world = World::new(&[("cloudflared", &failing)]);
    let output =
        world.run(&["setup", "cloudflared", "--yes", "--tunnel-name", "a b", "--hostname", "x.example"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("`cloudflared tunnel create 'a b'` failed: no such luck"), "{output:?}");
    assert!(!world.calls().iter().any(|call| call.contains("route")), "{:?}", world.calls());
}

#[test]
fn cloudflareds_own_variables_do_not_reach_its_steps() {
    let world = World::new(&[("cloudflared", "echo \"$TUNNEL_URL$TUNNEL_TOKEN\" >> \"$HOME/seen\"")]);
    world.home.write(".cloudflared/cert.pem", "pem");
    let args = ["setup", "cloudflared", "--yes", "--tunnel-name", "mcp", "--hostname", "x.example"];
    world.mcpgw(&args).env("TUNNEL_URL", "http://localhost:1").env("TUNNEL_TOKEN", "secret").run();
    assert_eq!(world.home.read("seen").trim(), "");
}

#[test]
fn npm_installs_lt_once_and_an_installation_without_effect_is_told() {
    let world = World::new(&[("npm", "")]);
    let output = world.run(&["setup", "lt", "--yes"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("it ran, and is not done yet"), "{output:?}");
    world.forget_calls();
    world.install("npm", "echo 'npm warn old' >&2; exec \"$HOME/bin/put\"");
    // Only a few programs are in reach: node moves the file.
    let put = "#!/usr/bin/env node\nconst fs = require('fs'); const bin = process.env.HOME + '/bin/';\n\
        fs.writeFileSync(bin + 'lt', '#!/bin/sh\\necho 2.0.2\\n'); fs.chmodSync(bin + 'lt', 0o755);\n";
    fs::set_permissions(world.home.write("bin/put", put), fs::Permissions::from_mode(0o755)).unwrap();
    let output = world.run(&["setup", "localtunnel", "--yes"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("mcpgw tunnel --provider localtunnel"), "{output:?}");
    assert!(output.stderr.contains("npm warn old"), "what it says is passed on");
    assert_eq!(world.calls(), ["npm install -g localtunnel"]);
    assert_eq!(world.run(&["setup", "lt"]).code, 0);
    assert_eq!(world.calls().len(), 1, "done is done");
}
