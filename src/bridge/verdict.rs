//! What a failed exchange means for a call: whether it goes out again, or what the client is told. Pure.
//!
//! The one rule: what may have run is not run again unless running it twice is the same as running it once.

use serde_json::{Value, json};

/// How an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The gateway never had it: no connection, or one that took nothing.
    NotTaken(String),
    /// It went out, and its answer did not come, or not whole.
    AnswerLost(String),
    /// The gateway does not know the session and so did nothing.
    SessionGone,
    /// The gateway wants the tool's `Mcp-Param` headers, which come with its description.
    ParamsUnknown,
    /// An answer that is none of JSON-RPC, and final.
    Refused(Refusal),
}

/// What the client is told instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// JSON-RPC's number.
    pub(super) code: i64,
    /// Stable and dotted, for programs.
    pub(super) name: &'static str,
    /// For people.
    pub(super) message: String,
    pub(super) fix: Option<String>,
}

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait a moment and send it again.
    Again,
    /// Begin a new session and send it again.
    Renew,
    /// Learn the tools and send it again.
    Learn,
    /// Tell the client.
    Tell(Refusal),
}

/// JSON-RPC leaves -32000 to -32099 to implementations; the SDKs use the first for a closed connection.
pub(super) const LOST: i64 = -32000;

/// What helps where something else than MCP answers.
pub(super) const OTHER_PATH: &str =
    "where its MCP path is another, name that with --mcp-path, or the whole address with --url";

/// A session that is forgotten so often right after it began is no session.
const RENEWALS: u32 = 3;

/// `repeatable`: running it twice does no harm. `renewals`: how often this call has begun a new session.
pub(super) fn next(failure: Failure, repeatable: bool, renewals: u32) -> Next {
    match failure {
        Failure::NotTaken(_) => Next::Again,
        Failure::AnswerLost(_) if repeatable => Next::Again,
        Failure::AnswerLost(why) => Next::Tell(answer_lost(&why)),
        Failure::SessionGone if renewals < RENEWALS => Next::Renew,
        Failure::SessionGone => Next::Tell(Refusal {
            code: LOST,
            name: "bridge.session",
            message: "the gateway forgets every session at once; the call was not run".into(),
            fix: Some(
                "look at the gateway's log; several copies behind one address need sticky sessions".into(),
            ),
        }),
        Failure::ParamsUnknown => Next::Learn,
        Failure::Refused(refusal) => Next::Tell(refusal),
    }
}

fn answer_lost(why: &str) -> Refusal {
    Refusal {
        code: LOST,
        name: "bridge.answer_lost",
        message: format!(
            "the gateway was lost before it answered ({why}); the call may have run, so it was not repeated"
        ),
        fix: Some("look whether it took effect before calling again".into()),
    }
}

/// The gateway did not come (back) in time; nothing was run.
pub(super) fn unreachable(what: &str) -> Refusal {
    Refusal {
        code: LOST,
        name: "bridge.unreachable",
        message: format!("the gateway cannot be reached: {what}; the call was not run"),
        fix: Some("start it, for example with `mcpgw tunnel`; the bridge connects by itself".into()),
    }
}

impl Refusal {
    /// The `data` of the JSON-RPC error.
    pub(super) fn data(&self) -> Value {
        match &self.fix {
            Some(fix) => json!({"code": self.name, "fix": fix}),
            None => json!({"code": self.name}),
        }
    }

    /// The message with what helps: clients show the message alone.
    pub(super) fn words(&self) -> String {
        match &self.fix {
            Some(fix) => format!("{}. {}", self.message, fix),
            None => self.message.clone(),
        }
    }
}

/// Can this method run twice and do no more than once? Reading can; a call of a tool can where its
/// description says so (`readOnlyHint`, `idempotentHint`); what is not known cannot.
pub(super) fn repeatable(method: &str, harmless_tool: bool) -> bool {
    match method {
        "tools/call" => harmless_tool,
        "initialize" | "server/discover" | "ping" | "subscriptions/listen" => true,
        "tools/list" | "prompts/list" | "prompts/get" | "completion/complete" | "logging/setLevel" => true,
        "tasks/get" | "tasks/list" | "tasks/result" => true,
        method => method.starts_with("resources/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_run_is_never_sent_again_unless_it_is_harmless() {
        let lost = || Failure::AnswerLost("it died".into());
        assert_eq!(next(lost(), true, 0), Next::Again);
        let Next::Tell(refusal) = next(lost(), false, 0) else { panic!("sent again") };
        assert!(refusal.message.contains("may have run"), "{refusal:?}");
    }

    #[test]
    fn what_the_gateway_never_had_is_sent_again() {
        assert_eq!(next(Failure::NotTaken("refused".into()), false, 0), Next::Again);
        assert_eq!(next(Failure::SessionGone, false, 0), Next::Renew);
        assert!(matches!(next(Failure::SessionGone, false, RENEWALS), Next::Tell(_)), "and not for ever");
    }

    #[test]
    fn reading_is_harmless_and_what_is_unknown_is_not() {
        for method in ["tools/list", "resources/read", "resources/templates/list", "ping"] {
            assert!(repeatable(method, false), "{method}");
        }
        for method in ["tools/call", "tasks/cancel", "acme/launch"] {
            assert!(!repeatable(method, false), "{method}");
        }
        assert!(repeatable("tools/call", true));
    }
}
