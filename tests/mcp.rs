//! An independent MCP client (rmcp, the official Rust SDK) through the tunnel to real MCP servers.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::sync::{Arc, Mutex};

use rmcp::model::{CallToolRequestParams, ProgressNotificationParam};
use rmcp::service::{NotificationContext, RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ServiceExt};
use serde_json::json;
use support::{Home, LtServer, Mcpgw, free_port, tools};

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

async fn connect(url: &str) -> (RunningService<RoleClient, Client>, Client) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::default();
    // Names under `.localhost` are not known to every resolver; mcpgw's own client resolves them as RFC 6761 says.
    let http = mcpgw::web::public(None, Arc::new(mcpgw::web::Names::new(None))).unwrap();
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(http, config);
    (client.clone().serve(transport).await.unwrap(), client)
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(60), future).await.unwrap() })
}

#[test]
fn a_real_client_lists_and_calls_the_tools_of_a_real_server_through_the_tunnel() {
    let (home, server, port) = (Home::new(), LtServer::start(), free_port().to_string());
    let everything = tools().bin("mcp-server-everything").display().to_string();
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "lt", "--server", &server.url(), "--subdomain", "everything", "--port", &port])
        .args(["--mcp-path", "/mcp", "--env", "PORT={port}", "--", &everything, "streamableHttp"])
        .start();
    let ready = session.expect("ready");
    let url = ready["mcp_url"].as_str().unwrap().to_string();
    block_on(async {
        let (service, client) = connect(&url).await;
        let tools = service.list_all_tools().await.unwrap();
        assert!(tools.iter().any(|tool| tool.name == "echo"), "{tools:?}");
        let arguments = json!({"duration": 1, "steps": 4}).as_object().unwrap().clone();
        let call = CallToolRequestParams::new("trigger-long-running-operation").with_arguments(arguments);
        let answer = service.call_tool(call).await.unwrap();
        assert_ne!(answer.is_error, Some(true), "{answer:?}");
        assert_eq!(client.progress.lock().unwrap().len(), 4, "progress came over the stream");
        service.cancel().await.unwrap();
    });
    session.stop();
}

#[test]
fn the_demo_gateway_is_a_real_mcp_server() {
    let (home, server) = (Home::new(), LtServer::start());
    let mut session = Mcpgw::tunnel(&home)
        .args(["--demo", "--provider", "lt", "--server", &server.url(), "--subdomain", "demonstration"])
        .start();
    let ready = session.expect("ready");
    let url = ready["mcp_url"].as_str().unwrap().to_string();
    block_on(async {
        let (service, client) = connect(&url).await;
        let names: Vec<_> =
            service.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["echo", "count", "gateway_info"]);
        let count =
            CallToolRequestParams::new("count").with_arguments(json!({"to": 3}).as_object().unwrap().clone());
        service.call_tool(count).await.unwrap();
        assert_eq!(*client.progress.lock().unwrap(), [1.0, 2.0, 3.0]);
        let info = service.call_tool(CallToolRequestParams::new("gateway_info")).await.unwrap();
        assert!(serde_json::to_string(&info).unwrap().contains(ready["url"].as_str().unwrap()));
        service.cancel().await.unwrap();
    });
    session.stop();
}

#[test]
fn a_gateway_that_serves_mcp_elsewhere_is_told_of_with_the_path() {
    let (home, port, https) = (Home::new(), free_port().to_string(), free_port().to_string());
    let everything = tools().bin("mcp-server-everything").display().to_string();
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "local", "--https-port", &https, "--port", &port])
        .args(["--env", "PORT={port}", "--", &everything, "streamableHttp"])
        .start();
    session.expect("ready");
    let told = session.events().iter().find(|event| event["code"] == "gateway.path").cloned();
    let told = told.expect("a notice before `ready`");
    assert!(told["message"].as_str().unwrap().contains("serves MCP at /mcp; at /api/mcp/default"), "{told}");
    assert!(told["fix"].as_str().unwrap().starts_with("--mcp-path /mcp"), "{told}");
    session.stop();
}
