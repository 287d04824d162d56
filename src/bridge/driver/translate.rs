//! A client that begins with `initialize`, before a gateway that knows no sessions any more (2026-07-28): the
//! bridge declares for it what it is, asks it what the gateway wants to know, and listens to changes.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::super::greeting::VERSIONS;
use super::super::message::{self, Kind, Message, Part};
use super::super::modern::{self, Params};
use super::super::verdict::{Failure, LOST, Refusal};
use super::super::wire::Wire;
use super::Bridge;
use super::answers::Heard;
use super::call::{Call, Trials, pause};
use super::session::{Session, Transport};

/// The part of a result that says whether it is one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MaybeQuestions {
    result_type: Option<String>,
    #[serde(default)]
    input_requests: BTreeMap<String, Question>,
    request_state: Option<Value>,
}

#[derive(Deserialize)]
struct Question {
    method: String,
    #[serde(default)]
    params: Value,
}

impl Bridge {
    /// `server/discover` in the client's name; the session and the answer as `initialize` would have had it.
    pub(super) async fn discover(
        self: &Rc<Self>,
        wire: &Rc<Wire>,
        epoch: u64,
        params: &Value,
    ) -> Option<(Session, Message)> {
        const LIMIT: Duration = Duration::from_secs(10);
        let meta = json!({
            modern::VERSION_FIELD: modern::VERSION,
            "io.modelcontextprotocol/clientInfo": params["clientInfo"],
            "io.modelcontextprotocol/clientCapabilities": params["capabilities"],
        });
        let id = self.own_id("discover");
        let body = message::request(&id, "server/discover", &json!({"_meta": meta}));
        let headers = modern::headers(
            "server/discover",
            modern::VERSION,
            &Params::default(),
            &self.client.borrow().tools,
        );
        let asked = async {
            let answer = wire.post(headers, body).await.ok().filter(|answer| answer.is_success())?;
            match self.hear(answer, &id, epoch).await.ok()? {
                Heard::Answer(message) => Some(message),
                _ => None,
            }
        };
        let result = timeout(LIMIT, asked).await.ok().flatten()?.value(Part::Result);
        let versions = result["supportedVersions"].as_array()?;
        if !versions.iter().any(|version| version == modern::VERSION) {
            return None;
        }
        let asked = params["protocolVersion"].as_str().unwrap_or_default();
        let version = VERSIONS.into_iter().find(|known| *known == asked).unwrap_or(VERSIONS[0]);
        let named = [&result["serverInfo"], &result["_meta"]["io.modelcontextprotocol/serverInfo"]];
        let server = named.into_iter().find(|info| info.is_object()).cloned();
        let mut begun = json!({
            "protocolVersion": version,
            "capabilities": result["capabilities"],
            "serverInfo": server.unwrap_or_else(|| json!({"name": "gateway", "version": "0"})),
        });
        if result["instructions"].is_string() {
            begun["instructions"] = result["instructions"].clone();
        }
        let message::Incoming::One(Ok(answer)) = message::read(&message::success(&id, &begun)) else {
            return None;
        };
        Some((Session::new(epoch, wire.clone(), Transport::Modern { meta }), answer))
    }

    /// A call in such a session.
    pub(super) async fn try_translated(
        self: &Rc<Self>,
        call: &Call,
        session: &Rc<Session>,
        trials: &mut Trials,
    ) -> Result<Message, Failure> {
        const MOST_ROUNDS: usize = 32;
        let Some(meta) = self.declaration(session) else { return Err(Failure::SessionGone) };
        // What has become a part of every request, or of the stream of changes.
        if matches!(
            call.method.as_str(),
            "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe"
        ) {
            session.listening_anew.notify_one();
            return Ok(read_back(&message::success(&call.id, &json!({}))));
        }
        let mut id = call.id.clone();
        let mut extra = BTreeMap::new();
        for _ in 0..MOST_ROUNDS {
            let body = modern::declared(&call.message, &id, &meta, &extra);
            let headers =
                modern::headers(&call.method, modern::VERSION, &call.params, &self.client.borrow().tools);
            let answer = session.wire.post(headers, body).await?;
            let answer = match self.checked(answer, &session.wire.shown(), false).await? {
                Ok(answer) => answer,
                Err(error) => return Ok(error),
            };
            trials.progressed();
            let message = match self.hear(answer, &id, session.epoch).await? {
                Heard::Answer(message) => message,
                Heard::Cut { why, .. } => return Err(Failure::AnswerLost(why)),
                Heard::Nothing => {
                    return Err(Failure::AnswerLost("it took the call and gave no answer".into()));
                }
            };
            let questions = message.part(Part::Result).and_then(|raw| serde_json::from_str(raw.get()).ok());
            let Some(MaybeQuestions { result_type: Some(kind), input_requests, request_state }) = questions
            else {
                return Ok(message);
            };
            if kind != "input_required" {
                return Ok(message);
            }
            extra.clear();
            if !input_requests.is_empty() {
                extra.insert("inputResponses", self.ask_client(input_requests).await?);
            }
            extra.extend(request_state.map(|state| ("requestState", state)));
            id = self.own_id("again");
        }
        Err(Failure::Refused(Refusal {
            code: LOST,
            name: "bridge.questions",
            message: "the gateway asks and asks and never answers".into(),
            fix: None,
        }))
    }

    /// Asks the client what the gateway wants to know: the results by the gateway's names.
    async fn ask_client(self: &Rc<Self>, questions: BTreeMap<String, Question>) -> Result<Value, Failure> {
        let mut results = serde_json::Map::new();
        for (name, question) in questions {
            let (id, answer) = self.questions.borrow_mut().ask_own();
            self.emit(message::request(&id, &question.method, &question.params)).await;
            let answer = answer.await.map_err(|_| Failure::AnswerLost("the client is gone".into()))?;
            let answer = read_back(&answer);
            if matches!(answer.kind, Kind::Response { failed: true, .. }) {
                let why = answer.value(Part::Error)["message"].as_str().unwrap_or("no reason").to_string();
                return Err(Failure::Refused(Refusal {
                    code: LOST,
                    name: "bridge.declined",
                    message: format!("the client did not answer the gateway's {}: {why}", question.method),
                    fix: None,
                }));
            }
            results.insert(name, answer.value(Part::Result));
        }
        Ok(results.into())
    }

    /// What every request of the session declares.
    pub(super) fn declaration(&self, session: &Session) -> Option<Value> {
        let Transport::Modern { meta } = &session.transport else { return None };
        let mut meta = meta.clone();
        let level = self.client.borrow().level.as_ref().map(|params| params["level"].clone());
        if let Some(level) = level {
            meta["io.modelcontextprotocol/logLevel"] = level;
        }
        Some(meta)
    }

    /// The stream of changes, opened again whenever it ends or the client wants others.
    pub(super) async fn subscribe(self: &Rc<Self>, session: &Rc<Session>) {
        /// Between two streams that a gateway closes at once.
        const APART: Duration = Duration::from_secs(1);
        let mut pauses = 0;
        loop {
            let began = Instant::now();
            tokio::select! {
                heard = self.subscribe_once(session) => match heard {
                    // It has no such stream.
                    Err(Failure::Refused(_)) => return,
                    Err(_) if self.moved(Some(session)) => return,
                    Ok(true) => {
                        let rest = APART.saturating_sub(began.elapsed()).max(pause(1));
                        sleep(rest).await;
                        // It may be another gateway by now, back so soon that no attempt failed.
                        if self.moved(Some(session)) {
                            return;
                        }
                        pauses = 0;
                        continue;
                    }
                    _ => {}
                },
                () = session.listening_anew.notified() => continue,
            }
            pauses += 1;
            sleep(pause(pauses)).await;
        }
    }

    async fn subscribe_once(self: &Rc<Self>, session: &Rc<Session>) -> Result<bool, Failure> {
        let Some(meta) = self.declaration(session) else { return Ok(false) };
        let (capabilities, uris) = {
            let client = self.client.borrow();
            let capabilities = client.upstream.as_ref().map(|upstream| upstream["capabilities"].clone());
            (capabilities.unwrap_or_default(), client.subscriptions.keys().cloned().collect::<Vec<_>>())
        };
        let mut wanted = json!({});
        for (name, filter) in [
            ("tools", "toolsListChanged"),
            ("prompts", "promptsListChanged"),
            ("resources", "resourcesListChanged"),
        ] {
            if capabilities[name].is_object() {
                wanted[filter] = true.into();
            }
        }
        if !uris.is_empty() {
            wanted["resourceSubscriptions"] = uris.into();
        }
        let id = self.own_id("listen");
        let body =
            message::request(&id, "subscriptions/listen", &json!({"_meta": meta, "notifications": wanted}));
        let headers = modern::headers(
            "subscriptions/listen",
            modern::VERSION,
            &Params::default(),
            &self.client.borrow().tools,
        );
        let answer = session.wire.post(headers, body).await?;
        match self.checked(answer, &session.wire.shown(), false).await? {
            Ok(answer) if answer.is_event_stream() => {
                let heard = self.hear(answer, &id, session.epoch).await?;
                Ok(matches!(heard, Heard::Cut { .. }))
            }
            _ => Err(Failure::Refused(Refusal {
                code: LOST,
                name: "bridge.listen",
                message: "it has no stream of changes".into(),
                fix: None,
            })),
        }
    }
}

/// A message of the bridge's own or of the client's making.
pub(super) fn read_back(line: &bytes::Bytes) -> Message {
    match message::read(line) {
        message::Incoming::One(Ok(message)) => message,
        _ => Message { kind: Kind::Notification { method: String::new() }, raw: line.clone() },
    }
}
