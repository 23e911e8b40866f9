//! `fieldstone events`.

use super::account::{ServerArgs, connect};
use super::client::Client;
use super::find::ProjectArg;
use super::table::{field, plain};
use anyhow::Context;
use serde_json::Value;
use std::process::ExitCode;

/// Bytes of one event; the server's are far shorter.
const LONGEST: usize = 1 << 20;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone events -p brackets
  fieldstone events -p brackets --json | jq 'select(.event == \"job\" and .data.state == \"failure\")'

Goes on until Ctrl-C, until the key ends or the project is gone. A connection that breaks is opened again, and goes on where it was.")]
pub struct EventsArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    project: ProjectArg,
}

/// One server-sent event (WHATWG HTML, §9.2.6).
#[derive(Debug, Default, PartialEq)]
struct Event {
    name: String,
    data: String,
    id: Option<String>,
}

/// Bytes on their way to events.
#[derive(Default)]
struct Parser {
    rest: Vec<u8>,
    event: Event,
}

impl Parser {
    /// Takes bytes in; the events that they complete.
    fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<Event>> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "" if line.is_empty() && !self.event.data.is_empty() => {
                    events.push(std::mem::take(&mut self.event));
                }
                "event" => self.event.name = value.to_owned(),
                "data" if self.event.data.is_empty() => self.event.data = value.to_owned(),
                "data" => self.event.data += &format!("\n{value}"),
                "id" => self.event.id = Some(value.to_owned()),
                _ => {}
            }
            anyhow::ensure!(self.event.data.len() < LONGEST, "an event has more than {LONGEST} bytes");
        }
        anyhow::ensure!(self.rest.len() < LONGEST, "an event has more than {LONGEST} bytes");
        Ok(events)
    }
}

/// Shows what happens.
pub async fn execute(args: EventsArgs) -> anyhow::Result<ExitCode> {
    let client = connect(&args.server)?;
    let project = args.project.find(&client).await?;
    let mut last = None;
    // Each time a stream has told something, it may be opened once more; one that is refused ends the command.
    while follow(&client, &project, &mut last, args.server.json).await? {}
    Ok(ExitCode::SUCCESS)
}

/// Shows the events of one stream, from behind `last` on; whether it broke off before its end.
async fn follow(
    client: &Client,
    project: &str,
    last: &mut Option<String>,
    json: bool,
) -> anyhow::Result<bool> {
    let mut stream = client.stream(&format!("/projects/{project}/events"), last.as_deref()).await?;
    let (mut parser, mut told) = (Parser::default(), false);
    loop {
        let piece = match stream.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(false),
            Err(_) if told => return Ok(true),
            Err(e) => return Err(e).context("the stream of events broke off"),
        };
        for event in parser.push(&piece)? {
            show(&event, json)?;
            *last = event.id.or(last.take());
            told = true;
        }
    }
}

fn show(event: &Event, json: bool) -> anyhow::Result<()> {
    let data: Value = serde_json::from_str(&event.data).context("an event is no JSON")?;
    if json {
        println!("{}", serde_json::json!({"event": event.name, "id": event.id, "data": data}));
        return Ok(());
    }
    let said = ["id", "filename", "type", "name", "state", "progress", "error", "deleted"];
    let said = said.into_iter().filter(|name| !data[name].is_null());
    let said: Vec<String> = said.map(|name| format!("{name}={}", plain(&field(&data, name)))).collect();
    println!("{:<9} {}", event.name, said.join(" "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_together_however_their_bytes_are_cut() {
        let text = ": still here\n\nevent: job\nid: 5-1\ndata: {\"a\": \"größe\"}\r\n\nid: 5-2\ndata: 1\ndata: 2\n\n";
        let event = |name: &str, data: &str, id: &str| Event {
            name: name.into(),
            data: data.into(),
            id: Some(id.into()),
        };
        let expected = [event("job", "{\"a\": \"größe\"}", "5-1"), event("", "1\n2", "5-2")];
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<Event> = pieces.flat_map(|piece| parser.push(piece).unwrap()).collect();
            assert_eq!(events, expected, "pieces of {size}");
        }
        assert!(Parser::default().push(&vec![b'x'; LONGEST]).is_err());
    }
}
