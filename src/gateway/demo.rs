//! The MCP gateway of `--demo`: a real MCP server over streamable HTTP, small enough to read, so that
//! everything can be tried with nothing installed. Run as a child like any other gateway.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::error::{Error, Result, io_reason};

type Body = Either<Full<Bytes>, Channel<Bytes, Infallible>>;

const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const LARGEST_REQUEST: usize = 1 << 20;

/// Serves until the process ends.
pub async fn serve(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        Error::failed("demo.bind", format!("listen on 127.0.0.1:{port}: {}", io_reason(&error)))
    })?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    match (request.method(), path) {
        (&Method::GET, "/health" | "/api/health") => reply(StatusCode::OK, json!({"status": "ok"})),
        (&Method::GET, "/api/oauth/callback") => reply(
            StatusCode::OK,
            json!({"message": "this is where an OAuth provider would send you back to"}),
        ),
        (&Method::POST, path) if path.starts_with("/api/mcp/") => {
            let profile = path.trim_start_matches("/api/mcp/").to_string();
            rpc(request, &profile).await
        }
        (_, path) if path.starts_with("/api/mcp/") => {
            let mut response = reply(StatusCode::METHOD_NOT_ALLOWED, json!({"error": "use POST"}));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            response
        }
        _ => reply(StatusCode::NOT_FOUND, json!({"error": "not found"})),
    }
}

async fn rpc(request: Request<Incoming>, profile: &str) -> Response<Body> {
    let body = match Limited::new(request.into_body(), LARGEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return reply(StatusCode::PAYLOAD_TOO_LARGE, json!({"error": "at most 1 MiB"})),
    };
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return reply(StatusCode::BAD_REQUEST, failure(&Value::Null, -32700, "parse error"));
    };
    let (id, method) = (message.get("id"), message["method"].as_str());
    let (Some(id), Some(method)) = (id, method) else {
        // Notifications and answers get none.
        return match message.is_object() && id.is_none() {
            true => accepted(),
            false => reply(StatusCode::BAD_REQUEST, failure(&Value::Null, -32600, "not a request")),
        };
    };
    let params = &message["params"];
    match method {
        "initialize" => reply(StatusCode::OK, success(id, initialize(params))),
        "ping" => reply(StatusCode::OK, success(id, json!({}))),
        "tools/list" => reply(StatusCode::OK, success(id, json!({"tools": tools()}))),
        "tools/call" => call(id, params, profile),
        _ => reply(StatusCode::OK, failure(id, -32601, "method not found")),
    }
}

fn initialize(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "mcpgw-demo", "title": "mcpgw demo gateway", "version": env!("CARGO_PKG_VERSION")},
        "instructions": "A demo: echo, count (streamed) and gateway_info.",
    })
}

fn tools() -> Value {
    let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required});
    json!([
        {"name": "echo", "description": "Say it back",
         "inputSchema": object(json!({"text": {"type": "string"}}), json!(["text"]))},
        {"name": "count", "description": "Count up to a number, one step every 100 ms, with progress",
         "inputSchema": object(json!({"to": {"type": "integer", "minimum": 1, "maximum": 100}}), json!([]))},
        {"name": "gateway_info", "description": "What this gateway was told: APP_URL and the profile",
         "inputSchema": object(json!({}), json!([]))},
    ])
}

fn call(id: &Value, params: &Value, profile: &str) -> Response<Body> {
    let arguments = &params["arguments"];
    match params["name"].as_str() {
        Some("echo") => {
            reply(StatusCode::OK, success(id, text(arguments["text"].as_str().unwrap_or_default())))
        }
        Some("count") => {
            count(id.clone(), params["_meta"]["progressToken"].clone(), arguments["to"].as_u64())
        }
        Some("gateway_info") => {
            let url = std::env::var("APP_URL").unwrap_or_default();
            reply(StatusCode::OK, success(id, text(&json!({"APP_URL": url, "profile": profile}).to_string())))
        }
        _ => {
            reply(StatusCode::OK, failure(id, -32602, "unknown tool: there are echo, count and gateway_info"))
        }
    }
}

/// Streams progress as server-sent events, then the result.
fn count(id: Value, token: Value, to: Option<u64>) -> Response<Body> {
    let to = to.unwrap_or(5).clamp(1, 100);
    let (mut sender, channel) = Channel::new(4);
    tokio::spawn(async move {
        for step in 1..=to {
            if !token.is_null() {
                let params = json!({"progressToken": token, "progress": step, "total": to});
                let progress =
                    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
                if sender.send_data(event(&progress)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let _ = sender.send_data(event(&success(&id, text(&format!("counted to {to}"))))).await;
    });
    let mut response = Response::new(Either::Right(channel));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn event(message: &Value) -> Bytes {
    format!("event: message\ndata: {message}\n\n").into()
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn success(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

fn failure(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

fn accepted() -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn reply(status: StatusCode, body: Value) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
