//! Replies of every protocol but Ollama's, by `genai`.
//!
//! `genai` writes the request and reads the events; address, headers and limits are set here, so
//! that an endpoint without a key works, and so that the key travels in one place.

use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest as GenaiRequest, ChatStream, ChatStreamEvent,
    ReasoningEffort, StreamEnd,
};
use genai::resolver::{AuthData, Endpoint};
use genai::webc::StreamTimeout;
use genai::{Headers, ModelIden, ServiceTarget};
use reqwest::Url;
use serde_json::json;

use crate::call::Call;
use crate::http;
use crate::{
    ChatRequest, Connection, EndpointKind, Parameters, ProviderError, ReplyPart, Role, StopReason,
    Turn, Usage,
};

pub(crate) struct GenaiStream {
    kind: EndpointKind,
    events: ChatStream,
}

impl GenaiStream {
    /// Prepares the request; genai sends it when the first event is asked for.
    pub(crate) async fn new(
        connection: &Connection,
        call: &Call,
        root: &Url,
        request: ChatRequest,
    ) -> Result<Self, ProviderError> {
        let kind = connection.kind;
        let client = genai::Client::builder()
            .with_reqwest(http::client(root, call)?)
            .build()
            .map_err(|error| call.broken(error))?;
        let target = target(connection, root, &request.model);
        let options = options(kind, &request.parameters, call);
        let response = client
            .exec_chat_stream(target, conversation(kind, request), Some(&options))
            .await
            .map_err(|error| call.broken(error))?;
        Ok(Self {
            kind,
            events: response.stream,
        })
    }

    pub(crate) async fn next(&mut self, call: &Call) -> Result<ReplyPart, ProviderError> {
        loop {
            match self.events.next().await {
                Some(Ok(ChatStreamEvent::Chunk(chunk))) if !chunk.content.is_empty() => {
                    return Ok(ReplyPart::Delta(chunk.content));
                }
                Some(Ok(ChatStreamEvent::End(end))) => return done(self.kind, end),
                // Reasoning is not part of the reply.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(call.broken(error)),
                None => return Err(ProviderError::cut()),
            }
        }
    }
}

fn target(connection: &Connection, root: &Url, model: &str) -> ServiceTarget {
    let adapter = match connection.kind {
        EndpointKind::Anthropic => AdapterKind::Anthropic,
        EndpointKind::Gemini => AdapterKind::Gemini,
        _ => AdapterKind::OpenAI,
    };
    ServiceTarget {
        endpoint: Endpoint::from_owned(root.as_str()),
        auth: AuthData::RequestOverride {
            url: chat_url(connection.kind, root, model).into(),
            headers: Headers::from(http::headers(connection)),
        },
        // genai takes what stands before the first `::` for a namespace and drops it; a name of
        // our own there keeps any other `::` in the model's name.
        model: ModelIden::new(adapter, format!("chatkeep::{model}")),
    }
}

fn chat_url(kind: EndpointKind, root: &Url, model: &str) -> Url {
    let mut url = root.clone();
    let method = format!("{model}:streamGenerateContent");
    let path: &[&str] = match kind {
        EndpointKind::Anthropic => &["messages"],
        EndpointKind::Gemini => &["models", &method],
        _ => &["chat", "completions"],
    };
    // An http(s) address always has a path.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    if kind == EndpointKind::Gemini {
        url.set_query(Some("alt=sse"));
    }
    url
}

fn options(kind: EndpointKind, parameters: &Parameters, call: &Call) -> ChatOptions {
    let Parameters {
        temperature,
        max_tokens,
        top_p,
        repeat_penalty,
        stop_sequences,
    } = parameters.clone();
    ChatOptions {
        temperature,
        max_tokens,
        top_p,
        stop_sequences,
        // llama.cpp and vLLM have a name each; see `parameters`.
        extra_body: repeat_penalty
            .map(|penalty| json!({ "repeat_penalty": penalty, "repetition_penalty": penalty })),
        capture_usage: Some(true),
        stream_header_timeout: Some(call.idle()),
        stream_read_timeout: Some(call.idle()),
        reasoning_effort: no_effort(kind),
        ..ChatOptions::default()
    }
}

/// Without an effort genai reads one from the end of the model's name and cuts it off, so that
/// `mistral-medium` would be asked for as `mistral`. These values make it send none. Claude's
/// names do not end so, and there every value would change the request.
fn no_effort(kind: EndpointKind) -> Option<ReasoningEffort> {
    match kind {
        EndpointKind::Anthropic => None,
        EndpointKind::Gemini => Some(ReasoningEffort::Zero),
        _ => Some(ReasoningEffort::Budget(0)),
    }
}

fn conversation(kind: EndpointKind, request: ChatRequest) -> GenaiRequest {
    let mut turns = request.messages;
    // Claude refuses a beginning of its reply that ends in white space.
    if let Some(Turn {
        role: Role::Assistant,
        text,
    }) = turns.last_mut()
        && kind == EndpointKind::Anthropic
    {
        text.truncate(text.trim_end().len());
    }
    let messages = turns.into_iter().map(|Turn { role, text }| match role {
        Role::System => ChatMessage::system(text),
        Role::User => ChatMessage::user(text),
        Role::Assistant => ChatMessage::assistant(text),
    });
    GenaiRequest {
        system: request.system,
        ..GenaiRequest::from_messages(messages.collect())
    }
}

fn done(kind: EndpointKind, end: StreamEnd) -> Result<ReplyPart, ProviderError> {
    // Where the connection just closes, genai makes up an end for Gemini, without a reason.
    if kind == EndpointKind::Gemini && end.captured_stop_reason.is_none() {
        return Err(ProviderError::cut());
    }
    let usage = end.captured_usage.map(|usage| Usage {
        prompt_tokens: usage
            .prompt_tokens
            .and_then(|tokens| tokens.try_into().ok()),
        completion_tokens: usage
            .completion_tokens
            .and_then(|tokens| tokens.try_into().ok()),
    });
    let stop_reason = end
        .captured_stop_reason
        .map_or(StopReason::Other, StopReason::from);
    Ok(ReplyPart::Done { usage, stop_reason })
}

impl From<genai::chat::StopReason> for StopReason {
    fn from(reason: genai::chat::StopReason) -> Self {
        use genai::chat::StopReason as Genai;
        match reason {
            Genai::Completed(_) | Genai::StopSequence(_) => Self::Finished,
            Genai::MaxTokens(_) => Self::Length,
            Genai::ContentFilter(_) => Self::Filtered,
            Genai::ToolCall(_) | Genai::Other(_) => Self::Other,
        }
    }
}

impl Call {
    /// What genai's error means. Its own text is never used: it may hold request and reply.
    fn broken(&self, error: genai::Error) -> ProviderError {
        match error {
            genai::Error::WebStream { error, .. } => self.stream_broken(error.as_ref()),
            genai::Error::StreamParse { .. } => ProviderError::reply("a piece is not valid JSON"),
            genai::Error::ChatResponse { body, .. } => self.broke_off(&body),
            _ => ProviderError::reply("a piece has not the expected shape"),
        }
    }

    fn stream_broken(
        &self,
        error: &(dyn std::error::Error + Send + Sync + 'static),
    ) -> ProviderError {
        if let Some(genai::Error::HttpError {
            status,
            body,
            headers,
            ..
        }) = error.downcast_ref()
        {
            return self.refused(status.as_u16(), headers, body);
        }
        if error.is::<StreamTimeout>() {
            return ProviderError::timeout(self.idle());
        }
        match error.downcast_ref::<reqwest::Error>() {
            Some(error) => self.transport(error),
            None => ProviderError::reply("it is not valid text"),
        }
    }
}
