//! What holds whatever is wrong: every check is tried and told of, looking changes nothing and takes no time.

use super::*;

/// Checks that no test makes fail, and why.
const UNSEEDED: [(&str, &str); 6] = [
    ("provider.ngrok.web", "who has the port is told and judged by nobody: ngrok takes the next"),
    ("session.several", "two sessions on one port keep each other out; a port claim sees to it"),
    ("session.running", "no session is no fault"),
    ("exposure.network", "tests bind loopback only; its decision is tested beside it"),
    ("oauth.callback", "it tells what to register and judges nothing"),
    ("tunnel.mcp", "what breaks it alone breaks `gateway.host` first, which is nearer"),
];

#[test]
fn every_check_has_a_fault_that_makes_it_speak() {
    let tables: Vec<&str> =
        [own::OWN, own::CERTIFICATES, tools::TOOLS, session::SESSION, clients::CLIENTS, world::PUBLIC]
            .iter()
            .flat_map(|seeds| seeds.iter().map(|seed| seed.id))
            .collect();
    let others = [
        "session.api",
        "exposure.paths",
        "exposure.key",
        "session.ready",
        "env.app_url",
        "cert.trust",
        "cert.node",
    ];
    let seeded: BTreeSet<&str> = tables.iter().copied().chain(others).collect();
    assert!(tables.len() + 7 >= 40, "{} faults", tables.len());
    for check in mcpgw::doctor::table() {
        // Every client is looked at by the same code; two kinds of them are broken here.
        if check.id.starts_with("client.") && check.id != "client.leftovers" {
            continue;
        }
        let known = seeded.contains(check.id.as_str()) || UNSEEDED.iter().any(|(id, _)| *id == check.id);
        assert!(known, "{} has no fault in this file", check.id);
    }
}

#[test]
fn the_page_about_doctor_names_every_check_and_no_other() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md")).unwrap();
    let rows =
        page.lines().filter(|line| line.starts_with("| `") && line.split('|').nth(1).unwrap().contains('.'));
    let named = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    let one_for_all = |id: &&str| !id.starts_with("client.") || *id == "client.leftovers";
    let named: BTreeSet<String> = named.filter(one_for_all).map(String::from).collect();
    let table = mcpgw::doctor::table();
    let there: BTreeSet<String> = table
        .iter()
        .map(|check| check.id.clone())
        .filter(|id| !id.starts_with("client.") || id == "client.leftovers")
        .collect();
    assert_eq!(named, there);
}

#[test]
fn a_check_needs_only_checks_above_it() {
    let table = mcpgw::doctor::table();
    for (at, check) in table.iter().enumerate() {
        for need in check.needs {
            assert!(table[..at].iter().any(|above| above.id == *need), "{} needs {need}", check.id);
        }
        assert!(table[..at].iter().all(|above| above.id != check.id), "{} twice", check.id);
    }
}

#[test]
fn a_fresh_machine_is_told_what_to_do_and_nothing_is_wrong() {
    let home = Home::new();
    let output = Mcpgw::new(&home).without_tools().args(["doctor", "--json"]).run();
    assert_eq!(output.code, 0, "{output:#?}");
    let rows = rows(&output);
    assert!(rows.iter().all(|row| row["verdict"] != "fail"), "{rows:#?}");
    assert!(!home.state().exists(), "looking made something");
}

#[test]
fn only_what_was_asked_for_is_shown_and_a_slip_is_told() {
    let home = Home::new();
    let doctor =
        |arguments: &[&str]| Mcpgw::new(&home).without_tools().args(["doctor"]).args(arguments).run();
    let port = free_port().to_string();
    let output = doctor(&["--json", "--only", "gateway", "--port", &port]);
    let ids: Vec<Value> = rows(&output).into_iter().map(|row| row["id"].clone()).collect();
    assert!(ids.len() >= 6 && ids.iter().all(|id| id.as_str().unwrap().starts_with("gateway.")), "{ids:?}");
    assert_eq!(output.code, 1, "the port is closed");
    // Its prerequisite fails and is not shown: it could not be checked.
    assert_eq!(doctor(&["--only", "gateway.mcp", "--port", &port]).code, 3);
    assert_eq!(doctor(&["--only", "env.lt,state.home"]).code, 0);
    let slip = doctor(&["--only", "gateway.prot"]);
    assert!(slip.code == 2 && slip.stderr.contains("did you mean `gateway.port`?"), "{slip:?}");
}

#[test]
fn looking_changes_nothing() {
    let bench = Bench::live();
    let look = || {
        let mut found = BTreeMap::new();
        let mut folders = vec![bench.home.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
                let meta = path.symlink_metadata().unwrap();
                // The session's own logs go on.
                let log = path.extension().is_some_and(|end| end == "log");
                found.insert(
                    path.clone(),
                    (meta.permissions().mode(), (!log).then(|| meta.modified().unwrap())),
                );
                if meta.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    };
    let before = look();
    bench.is_healthy("nothing");
    assert_eq!(before, look());
}

#[test]
fn offline_it_takes_less_than_ten_seconds() {
    let home = Home::new();
    home.write("mcpgw.toml", "provider = 'localtunnel'\n");
    let began = Instant::now();
    // A black hole: what goes there is never answered.
    let output = Mcpgw::new(&home).args(["doctor", "--json", "--port", &free_port().to_string()]).run();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(first_alarm(&rows(&output)).unwrap()["id"], "gateway.port");
}

/// Judged by a validator of other people's, for the shape that is promised to programs.
#[test]
fn its_document_is_what_the_schema_says() {
    let home = Home::new();
    home.write(".mcpgw/sessions/0badf00d.json", "{");
    fs::set_permissions(home.state(), fs::Permissions::from_mode(0o700)).unwrap();
    let bare = Mcpgw::new(&home).without_tools().args(["doctor", "--json"]).run();
    let fixed = Mcpgw::new(&home).without_tools().args(["doctor", "--json", "--fix"]).run();
    assert!(!fixed.json()["repaired"].as_array().unwrap().is_empty(), "{fixed:?}");
    let mut broken = bare.json();
    broken["checks"][0]["verdict"] = json!("maybe");
    let documents = json!([bare.json(), fixed.json(), broken]);
    let script = "
        const { default: Ajv } = require(process.argv[1] + '/node_modules/ajv/dist/2020');
        const fs = require('node:fs');
        const check = new Ajv({ strict: true, allowUnionTypes: true }).compile(JSON.parse(fs.readFileSync(process.argv[2])));
        const verdicts = JSON.parse(fs.readFileSync(0)).map((one) => [check(one), check.errors]);
        console.log(JSON.stringify(verdicts));";
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.schema.json");
    let lt = tools().bin("lt");
    let modules = lt.ancestors().nth(3).unwrap();
    let mut node = Command::new(&tools().node)
        .args(["-e", script, modules.to_str().unwrap(), schema.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(documents.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    let verdicts: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fits: Vec<&Value> = verdicts.as_array().unwrap().iter().map(|one| &one[0]).collect();
    assert_eq!(fits, [true, true, false], "{verdicts:#}");
}
