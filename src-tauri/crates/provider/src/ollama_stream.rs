//! Replies of Ollama, by its own API.
//!
//! Not by `genai` 0.7, which cannot send `repeat_penalty` there, takes a connection that just
//! closes for a proper end, and passes over an error in the middle of a reply. Ollama's
//! OpenAI-compatible API has no repeat penalty either.

use std::pin::Pin;

use reqwest::{Response, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::call::Call;
use crate::http;
use crate::{
    ChatRequest, Connection, Parameters, ProviderError, ReplyPart, Role, StopReason, Usage,
};

/// A line is a token or a few; one of this size is no line.
const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(crate) struct OllamaStream {
    state: State,
    /// What arrived and is not yet a whole line, or else the explanation of a refusal.
    buffer: Vec<u8>,
}

enum State {
    /// A future that is kept, so that a `next` that is dropped and called again sends once.
    Sending(Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send>>),
    Receiving(Response),
}

/// One line of the reply.
#[derive(Deserialize)]
struct Line {
    message: Option<LineMessage>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u32>,
    eval_count: Option<u32>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct LineMessage {
    #[serde(default)]
    content: String,
}

impl OllamaStream {
    pub(crate) fn new(
        connection: &Connection,
        call: &Call,
        root: &Url,
        request: &ChatRequest,
    ) -> Result<Self, ProviderError> {
        let request = http::client(root, call)?
            .post(format!("{root}api/chat"))
            .headers(http::header_map(connection))
            .json(&body(request));
        Ok(Self {
            state: State::Sending(Box::pin(request.send())),
            buffer: Vec::new(),
        })
    }

    pub(crate) async fn next(&mut self, call: &Call) -> Result<ReplyPart, ProviderError> {
        loop {
            while let Some(line) = self.take_line() {
                if let Some(part) = part(&line, call)? {
                    return Ok(part);
                }
            }
            let received = timeout(call.idle(), self.receive(call)).await;
            received.unwrap_or_else(|_| Err(ProviderError::timeout(call.idle())))?;
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(ProviderError::reply("a line is far too long"));
            }
        }
    }

    /// Waits for the response, and then for more of it.
    async fn receive(&mut self, call: &Call) -> Result<(), ProviderError> {
        match &mut self.state {
            State::Sending(sending) => {
                let response = sending.await.map_err(|error| call.transport(&error))?;
                self.state = State::Receiving(response);
            }
            State::Receiving(response) => {
                match response
                    .chunk()
                    .await
                    .map_err(|error| call.transport(&error))?
                {
                    Some(chunk) => self.buffer.extend_from_slice(&chunk),
                    None if response.status().is_success() => return Err(ProviderError::cut()),
                    None => {
                        let explanation = String::from_utf8_lossy(&self.buffer);
                        let status = response.status().as_u16();
                        return Err(call.refused(status, response.headers(), &explanation));
                    }
                }
            }
        }
        Ok(())
    }

    /// The next whole line of a reply.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        match &self.state {
            State::Receiving(response) if response.status().is_success() => {}
            _ => return None,
        }
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        Some(self.buffer.drain(..=end).collect())
    }
}

fn part(line: &[u8], call: &Call) -> Result<Option<ReplyPart>, ProviderError> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line: Line = serde_json::from_slice(line)
        .map_err(|_| ProviderError::reply("a piece is not valid JSON"))?;
    if let Some(error) = line.error {
        return Err(call.broke_off(&json!({ "error": error })));
    }
    if line.done {
        return Ok(Some(done(&line)));
    }
    // `message.thinking` is not part of the reply.
    let text = line.message.map(|message| message.content);
    Ok(text.filter(|text| !text.is_empty()).map(ReplyPart::Delta))
}

fn done(line: &Line) -> ReplyPart {
    let usage = Usage {
        prompt_tokens: line.prompt_eval_count,
        completion_tokens: line.eval_count,
    };
    let stop_reason = match line.done_reason.as_deref() {
        Some("stop") => StopReason::Finished,
        Some("length") => StopReason::Length,
        _ => StopReason::Other,
    };
    ReplyPart::Done {
        usage: (usage != Usage::default()).then_some(usage),
        stop_reason,
    }
}

fn body(request: &ChatRequest) -> Value {
    let system = request.system.iter().map(|text| message("system", text));
    let turns = request
        .messages
        .iter()
        .map(|turn| message(role(turn.role), &turn.text));
    json!({
        "model": request.model,
        "messages": system.chain(turns).collect::<Vec<_>>(),
        "stream": true,
        "options": options(&request.parameters),
    })
}

fn message(role: &str, text: &str) -> Value {
    json!({ "role": role, "content": text })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn options(parameters: &Parameters) -> Map<String, Value> {
    let Parameters {
        temperature,
        max_tokens,
        top_p,
        repeat_penalty,
        stop_sequences,
    } = parameters;
    let stop = (!stop_sequences.is_empty()).then_some(stop_sequences);
    [
        ("temperature", json!(temperature)),
        ("num_predict", json!(max_tokens)),
        ("top_p", json!(top_p)),
        ("repeat_penalty", json!(repeat_penalty)),
        ("stop", json!(stop)),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_null())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
