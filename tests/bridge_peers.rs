//! The bridge between official clients and real MCP servers, beside `mcp-remote` doing the same work.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, ProgressNotificationParam};
use rmcp::service::{NotificationContext, RoleClient};
use rmcp::{ClientHandler, ServiceExt};
use serde_json::{Value, json};
use support::{Home, RealServer, python_tools, sources, tools};

/// `tests/tools/sdk-client.mjs` through a bridge: what it reports.
fn sdk_client(home: &Home, modern: bool, bridge: &[String]) -> Value {
    let mut command = Command::new(&tools().node);
    command.arg(sources().join("sdk-client.mjs"));
    if modern {
        command.arg("--modern");
    }
    command.arg("--").args(bridge).current_dir(&tools().dir).env_clear();
    command.env("HOME", home.path()).env("MCPGW_HOME", home.state()).env("PATH", &tools().system_dir);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{bridge:?}: {}\n{words}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {words}"))
}

fn mcpgw(url: &str) -> Vec<String> {
    [env!("CARGO_BIN_EXE_mcpgw"), "bridge", "--url", url].map(String::from).into()
}

fn mcp_remote(url: &str) -> Vec<String> {
    let text = |path: PathBuf| path.into_os_string().into_string().unwrap();
    vec![text(tools().node.clone()), text(tools().bin("mcp-remote")), url.into(), "--allow-http".into()]
}

/// Where mcp-remote passes, the bridge passes.
fn compare(server: &RealServer, modern: bool) -> Value {
    let home = Home::new();
    let ours = sdk_client(&home, modern, &mcpgw(&server.url()));
    let theirs = sdk_client(&home, modern, &mcp_remote(&server.url()));
    let (ours_of, theirs_of) = (ours.as_object().unwrap(), theirs.as_object().unwrap());
    // What a server asks beside its work depends on timing: no less than through the other.
    let asked = |report: &Value| -> Vec<String> { serde_json::from_value(report["asked"].clone()).unwrap() };
    assert!(asked(&theirs).iter().all(|what| asked(&ours).contains(what)), "{ours} {theirs}");
    for (what, result) in theirs_of.iter().filter(|(what, _)| *what != "asked") {
        let failed = |result: &Value| result.as_str().is_some_and(|text| text.starts_with("error:"));
        assert!(
            failed(result) || ours_of.get(what) == Some(result),
            "{what}: {:?}, mcp-remote {result}",
            ours_of.get(what)
        );
    }
    ours
}

#[test]
fn the_official_client_finds_everything_that_server_everything_has() {
    let server = RealServer::everything();
    let report = compare(&server, false);
    let expected = json!({"echo": "Echo: hällo", "sampling": true, "elicitation": true, "together": 32,
        "long": true, "cancelled": true, "after that": "Echo: still", "level": 0, "ping": 0,
        "asked": ["elicitation", "roots", "sampling"]});
    for (what, result) in expected.as_object().unwrap() {
        assert_eq!(&report[what], result, "{what}: {report}");
    }
    for what in ["tools", "prompts", "resources"] {
        assert!(!report[what].is_string() && !report[what].is_null(), "{what}: {report}");
    }
}

#[test]
fn so_does_its_second_version() {
    let report = compare(&RealServer::everything(), true);
    assert_eq!((&report["echo"], &report["together"]), (&json!("Echo: hällo"), &json!(32)), "{report}");
}

#[test]
fn supergateway_and_the_proxy_of_python_are_served_too() {
    let report = compare(&RealServer::supergateway(), false);
    assert_eq!((&report["echo"], &report["together"]), (&json!("Echo: hällo"), &json!(32)), "{report}");
    let report = compare(&RealServer::supergateway_sse(), false);
    assert_eq!((&report["echo"], &report["together"]), (&json!("Echo: hällo"), &json!(32)), "{report}");
    let report = compare(&RealServer::python_proxy(python_tools()), false);
    assert_eq!((&report["time"], &report["tools"]), (&json!(true), &json!(2)), "{report}");
}

#[test]
fn the_second_version_of_the_official_server_needs_no_session() {
    let server = RealServer::modern();
    let report = sdk_client(&Home::new(), true, &mcpgw(&server.url()));
    assert_eq!(report["echo"], "Echo: hällo", "{report}");
    assert_eq!(report["together"], 32, "{report}");
    // Nor does a client that has never heard of it.
    let report = sdk_client(&Home::new(), false, &mcpgw(&server.url()));
    assert_eq!((&report["echo"], &report["ping"]), (&json!("Echo: hällo"), &json!(0)), "{report}");
}

/// Remembers the progress it was told.
#[derive(Clone, Default)]
struct Client {
    progress: Arc<Mutex<Vec<f64>>>,
}

impl ClientHandler for Client {
    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.lock().unwrap().push(params.progress);
    }
}

#[test]
fn the_official_rust_client_talks_through_it() {
    let (home, server) = (Home::new(), RealServer::everything());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = async {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_mcpgw"));
        command
            .args(["bridge", "--url", &server.url()])
            .env_clear()
            .env("MCPGW_HOME", home.state())
            .kill_on_drop(true);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let transport = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let client = Client::default();
        let service = client.clone().serve(transport).await.unwrap();
        assert!(service.list_all_tools().await.unwrap().iter().any(|tool| tool.name == "echo"));
        assert!(!service.list_all_prompts().await.unwrap().is_empty());
        assert!(!service.list_all_resources().await.unwrap().is_empty());
        let arguments = json!({"duration": 1, "steps": 4}).as_object().unwrap().clone();
        let call = CallToolRequestParams::new("trigger-long-running-operation").with_arguments(arguments);
        assert_ne!(service.call_tool(call).await.unwrap().is_error, Some(true));
        assert_eq!(client.progress.lock().unwrap().len(), 4);
        service.cancel().await.unwrap();
        assert!(child.wait().await.unwrap().success());
    };
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await.unwrap() });
}
