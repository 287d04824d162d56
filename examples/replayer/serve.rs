//! The tool's local HTTP interface: cloudflared's metrics address, ngrok's API.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::{start::Tool, world::State};

/// Answers until the process ends.
pub(crate) async fn serve(listener: std::net::TcpListener, state: Arc<Mutex<State>>) {
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((connection, _)) = listener.accept().await {
        let state = state.clone();
        // A client that leaves early is its own business.
        tokio::spawn(async move { answer(connection, &state).await.ok() });
    }
}

async fn answer(connection: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut request = String::new();
    connection.read_line(&mut request).await?;
    let mut header = String::new();
    while connection.read_line(&mut header).await? > 2 {
        header.clear();
    }
    let target = request.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    note(path);
    let (status, content_type, body) = response(path, &state.lock().unwrap());
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(format!("{head}{body}").as_bytes()).await?;
    connection.shutdown().await
}

/// REPLAY_ASKED: a file that gets a line for every question.
fn note(path: &str) {
    if let Some(file) = std::env::var_os("REPLAY_ASKED") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        std::io::Write::write_all(&mut file, format!("{path}\n").as_bytes()).unwrap();
    }
}

fn response(path: &str, state: &State) -> (u16, &'static str, String) {
    const TEXT: &str = "text/plain; charset=utf-8";
    match (state.tool, path) {
        (Tool::Cloudflared, "/ready") => {
            let (status, body) = state.ready();
            (status, TEXT, body.to_string())
        }
        (Tool::Cloudflared, "/quicktunnel") => (200, TEXT, json!({ "hostname": state.host }).to_string()),
        (Tool::Cloudflared, "/healthcheck") => (200, TEXT, "OK\n".to_owned()),
        (Tool::Ngrok, "/api/tunnels") => (200, "application/json", format!("{}\n", state.tunnels())),
        _ => (404, TEXT, "404 page not found\n".to_owned()),
    }
}
