//! The answer to `initialize`: the gateway's, as the client gets it; an earlier one or the bridge's own while
//! there is no gateway; and what it means when a gateway comes back with another one. Pure.

use serde_json::{Value, json};

/// The versions that begin with `initialize`, the newest first.
pub(super) const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The lists that a client may be told have changed: capability, notification, the method that reads it.
pub(super) const LISTS: [(&str, &str, &str); 3] = [
    ("tools", "notifications/tools/list_changed", "tools/list"),
    ("prompts", "notifications/prompts/list_changed", "prompts/list"),
    ("resources", "notifications/resources/list_changed", "resources/list"),
];

/// The gateway's answer as the client gets it. The bridge tells of changed lists itself when the gateway comes
/// back different, so every list is one that may change.
pub(super) fn told(upstream: &Value) -> Value {
    let mut told = upstream.clone();
    for (capability, ..) in LISTS {
        if let Some(Value::Object(capability)) = told.pointer_mut(&format!("/capabilities/{capability}")) {
            capability.insert("listChanged".into(), true.into());
        }
    }
    told
}

/// What the client gets while there is no gateway: what the gateway said last time, or a server that may
/// have anything.
pub(super) fn provisional(asked: &Value, cached: Option<Value>) -> Value {
    let version = asked["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.into_iter().find(|known| *known == version);
    let mut answer = cached.map_or_else(own, |cached| told(&cached));
    if let Some(version) = version.or(answer["protocolVersion"].is_null().then_some(VERSIONS[0])) {
        answer["protocolVersion"] = version.into();
    }
    answer
}

fn own() -> Value {
    let changes = json!({"listChanged": true});
    json!({
        "capabilities": {"tools": changes, "prompts": changes, "resources": changes},
        "serverInfo": {"name": "mcpgw", "title": "mcpgw bridge", "version": env!("CARGO_PKG_VERSION")},
    })
}

/// What a kept answer must look like to be used again.
pub(super) fn usable(cached: &Value) -> bool {
    cached["capabilities"].is_object() && cached["serverInfo"]["name"].is_string()
}

/// Did the gateway come back as another one? Its lists are then looked at anew, all of them.
pub(super) fn is_another(before: &Value, now: &Value) -> bool {
    ["serverInfo", "capabilities", "instructions"].iter().any(|part| before[part] != now[part])
}

/// The `params` with which the session is begun again: the client's own, in the version that it was told.
pub(super) fn again(asked: &Value, told: Option<&Value>) -> Value {
    let mut params = asked.clone();
    if let (Some(version), Some(params)) =
        (told.and_then(|told| told["protocolVersion"].as_str()), params.as_object_mut())
    {
        params.insert("protocolVersion".into(), version.into());
    }
    params
}

/// An empty list, for a method that reads one the gateway does not have although the client was told so.
pub(super) fn empty_list(method: &str) -> Option<Value> {
    match method {
        "tools/list" => Some(json!({"tools": []})),
        "prompts/list" => Some(json!({"prompts": []})),
        "resources/list" => Some(json!({"resources": []})),
        "resources/templates/list" => Some(json!({"resourceTemplates": []})),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_that_exists_may_change_and_none_is_added() {
        let told = told(&json!({"capabilities": {"tools": {"listChanged": false}, "logging": {}}}));
        assert_eq!(told["capabilities"], json!({"tools": {"listChanged": true}, "logging": {}}));
    }

    #[test]
    fn without_a_gateway_the_client_gets_its_own_version_or_the_newest() {
        let version = |asked: Value, cached| provisional(&asked, cached)["protocolVersion"].clone();
        assert_eq!(version(json!({"protocolVersion": "2025-03-26"}), None), "2025-03-26");
        assert_eq!(version(json!({"protocolVersion": "1999-01-01"}), None), VERSIONS[0]);
        let cached = json!({"protocolVersion": "2025-06-18", "capabilities": {}});
        assert_eq!(version(json!({"protocolVersion": "2024-11-05"}), Some(cached.clone())), "2024-11-05");
        assert_eq!(version(json!({}), Some(cached)), "2025-06-18");
    }

    #[test]
    fn a_gateway_is_another_one_when_it_says_something_else_of_itself() {
        let before = json!({"serverInfo": {"name": "a", "version": "1"}, "protocolVersion": "x"});
        let mut now = before.clone();
        now["protocolVersion"] = "y".into();
        assert!(!is_another(&before, &now));
        now["serverInfo"]["version"] = "2".into();
        assert!(is_another(&before, &now));
    }

    #[test]
    fn a_session_begins_again_with_the_clients_own_parameters() {
        let asked = json!({"protocolVersion": "2025-11-25", "clientInfo": {"name": "x"}});
        assert_eq!(again(&asked, None), asked);
        let told = json!({"protocolVersion": "2025-06-18"});
        assert_eq!(again(&asked, Some(&told))["protocolVersion"], "2025-06-18");
        assert_eq!(again(&asked, Some(&told))["clientInfo"], asked["clientInfo"]);
    }
}
