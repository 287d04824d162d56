//! All servers that a client's file names, for whoever looks at them: ours among others. Changes nothing.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::document::{self, Spot};
use super::registry::Client;
use super::{entry, old_spot, spot, store};
use crate::error::Result;

/// One server, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The file.
    pub path: PathBuf,
    /// What it is called.
    pub name: String,
    /// Its address, in whatever field: also where this client takes none.
    pub address: Option<String>,
    /// The program that it starts.
    pub program: Option<String>,
    /// Is that a bridge of mcpgw's?
    pub is_bridge: bool,
    /// The project that such a bridge is for.
    pub project: Option<PathBuf>,
    /// What it sends that must not be shown.
    pub secrets: Vec<String>,
}

/// The servers of this file, in its order. An error where the file cannot be read as the client would.
pub fn servers(client: &Client, path: &Path) -> Result<Vec<Server>> {
    let content = store::look(path)?;
    let text = &content.text;
    if text.trim().is_empty() {
        return Ok(vec![]);
    }
    let (ours, _) = spot(client, text, "mcpgw");
    let Some((last, above)) = ours.path.split_last() else { return Ok(vec![]) };
    let all = Spot { path: above.to_vec(), name: last.clone(), ..old_spot(client, "") };
    let read = |spot: &Spot| document::read(text, spot).map(|found| found.map(|found| found.value));
    let value = match read(&all) {
        Ok(found) => found.unwrap_or_default(),
        // Where servers are a list, entries are found by their name alone; a broken file is told here, too.
        Err(_) => {
            let ours = read(&ours).map_err(|refusal| store::refuse(path, text, &refusal))?;
            ours.map_or(Json::Null, |entry| serde_json::json!({"mcpgw": entry}))
        }
    };
    let named: Vec<(String, &Json)> = match &value {
        Json::Object(servers) => servers.iter().map(|(name, server)| (name.clone(), server)).collect(),
        Json::Array(servers) => servers
            .iter()
            .map(|server| (server["name"].as_str().unwrap_or_default().to_string(), server))
            .collect(),
        _ => vec![],
    };
    Ok(named.into_iter().map(|(name, server)| describe(client, path, name, server)).collect())
}

fn describe(client: &Client, path: &Path, name: String, server: &Json) -> Server {
    let leads_to = entry::leads_to(client, server);
    let is_address = |text: &String| text.starts_with("http://") || text.starts_with("https://");
    let stray =
        ["url", "serverUrl", "httpUrl", "uri"].iter().find_map(|key| server[*key].as_str().map(String::from));
    let address = leads_to.clone().filter(is_address).or(stray);
    let program = leads_to.as_ref().filter(|to| address.is_none() && !is_address(to));
    Server {
        path: path.to_path_buf(),
        name,
        program: program.and_then(|to| to.split('\u{0}').next()).map(String::from),
        is_bridge: leads_to.as_deref().is_some_and(entry::is_bridge),
        project: leads_to.as_deref().and_then(entry::project_of_bridge),
        secrets: entry::secrets(client, server),
        address,
    }
}
