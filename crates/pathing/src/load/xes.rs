//! Event logs in XES (IEEE 1849): the format of process mining.
//!
//! A trace is a customer, by its `concept:name`; one without is `trace N`, counted from 1. An event's name is its
//! `concept:name`, its time its `time:timestamp`. Other attributes of an event are properties where they are asked for:
//! `int` and `float` are numbers, `boolean` is a flag, everything else is text. Attributes inside attributes, lists,
//! classifiers, extensions and globals are left out.

use std::borrow::Cow;
use std::io::Read;

use memchr::memchr_iter;

use super::time::Times;
use super::xml::{Tag, Tags, attribute, unescaped};
use super::{Layout, LoadError};
use crate::log::EventLog;
use crate::value::Scalar;

use attune_kernel::Timestamp;

/// Bytes that a document may have, unpacked: it is read as a whole.
pub const MAX_XES: u64 = 8 << 30;

/// Reads an event log from XES. Of the layout only the properties matter.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn xes(source: impl Read, layout: &Layout) -> Result<EventLog, LoadError> {
    up_to(source, layout, MAX_XES)
}

fn up_to(source: impl Read, layout: &Layout, limit: u64) -> Result<EventLog, LoadError> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("the document is larger than {limit} bytes");
        return Err(LoadError::Line { line: 1, message });
    }
    let line = |at: usize| memchr_iter(b'\n', &bytes[..at.min(bytes.len())]).count() as u64 + 1;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| LoadError::Line { line: line(error.valid_up_to()), message: "not UTF-8".to_owned() })?;
    let mut reader = Reader { layout, builder: EventLog::builder(), traces: 0, times: Times::default() };
    let mut tags = Tags::new(text);
    match reader.read(&mut tags) {
        Ok(()) => Ok(reader.builder.build()),
        Err(Wrong::Full(error)) => Err(error.into()),
        Err(Wrong::Line(message)) => Err(LoadError::Line { line: line(tags.at().saturating_sub(1)), message }),
    }
}

enum Wrong {
    Line(String),
    Full(crate::log::LogFull),
}

impl From<&str> for Wrong {
    fn from(message: &str) -> Self {
        Self::Line(message.to_owned())
    }
}

impl From<crate::log::LogFull> for Wrong {
    fn from(error: crate::log::LogFull) -> Self {
        Self::Full(error)
    }
}

struct Reader<'l> {
    layout: &'l Layout,
    builder: crate::log::EventLogBuilder,
    traces: u64,
    times: Times,
}

/// An event in the making, in texts of the document.
#[derive(Default)]
struct Event<'a> {
    name: Option<&'a str>,
    time: Option<&'a str>,
    /// The element, the number of the property and the value.
    properties: Vec<(&'a str, usize, &'a str)>,
}

impl Reader<'_> {
    fn read<'a>(&mut self, tags: &mut Tags<'a>) -> Result<(), Wrong> {
        // How deep the open elements stand: 1 the log, 2 a trace or what else a log holds, 3 an event or an attribute.
        let mut depth = 0usize;
        let (mut in_trace, mut in_event, mut any) = (false, false, false);
        let mut trace: Option<&'a str> = None;
        let mut event = Event::default();
        // Events may come before the trace's own name.
        let mut waiting: Vec<Event<'a>> = Vec::new();
        while let Some(tag) = tags.next()? {
            match tag {
                Tag::Open(element, attributes, empty) => {
                    match depth {
                        0 if element != "log" => return Err("the document is no log of XES".into()),
                        0 => any = true,
                        1 if element == "trace" => (in_trace, trace) = (true, None),
                        2 if in_trace && element == "event" => in_event = true,
                        2 if in_trace && attribute(attributes, "key") == Some("concept:name") => {
                            trace = attribute(attributes, "value");
                        }
                        3 if in_event => self.attribute(&mut event, element, attributes),
                        _ => {}
                    }
                    if !empty {
                        depth += 1;
                        continue;
                    }
                }
                Tag::Close => depth = depth.checked_sub(1).ok_or("an element ends that never began")?,
            }
            // An element has ended that stood at this depth.
            if depth == 2 && in_event {
                in_event = false;
                waiting.push(std::mem::take(&mut event));
            }
            if depth == 1 && in_trace {
                in_trace = false;
                self.trace(trace, &mut waiting)?;
            }
        }
        match (any, depth) {
            (true, 0) => Ok(()),
            (false, _) => Err("the document is no log of XES".into()),
            _ => Err("the document ends inside an element".into()),
        }
    }

    fn attribute<'a>(&self, event: &mut Event<'a>, element: &'a str, attributes: &'a str) {
        let (Some(key), Some(value)) = (attribute(attributes, "key"), attribute(attributes, "value")) else { return };
        match key {
            "concept:name" => event.name = Some(value),
            "time:timestamp" => event.time = Some(value),
            _ => {}
        }
        if let Some(number) = self.layout.properties.iter().position(|property| property == key) {
            event.properties.push((element, number, value));
        }
    }

    fn trace(&mut self, name: Option<&str>, events: &mut Vec<Event<'_>>) -> Result<(), Wrong> {
        self.traces += 1;
        let customer = match name {
            Some(name) => unescaped(name)?,
            None => Cow::Owned(format!("trace {}", self.traces)),
        };
        for event in events.drain(..) {
            let wrong = |what: &str| Wrong::Line(format!("an event of trace {customer:?} has no {what}"));
            let name = unescaped(event.name.filter(|name| !name.is_empty()).ok_or_else(|| wrong("concept:name"))?)?;
            let time = event.time.ok_or_else(|| wrong("time:timestamp"))?;
            let micros = self.times.read(time).map_err(|message| {
                Wrong::Line(format!("an event of trace {customer:?}: time:timestamp {time:?} is {message}"))
            })?;
            let mut properties = Vec::with_capacity(event.properties.len());
            for (element, number, value) in event.properties {
                let value = unescaped(value)?;
                properties.push((self.layout.properties[number].as_str(), element, value));
            }
            let scalars = properties.iter().map(|(property, element, value)| {
                let scalar = match (*element, value.parse::<f64>(), value.as_ref()) {
                    ("int" | "float", Ok(number), _) => Scalar::Number(number),
                    ("boolean", _, "true") => Scalar::Flag(true),
                    ("boolean", _, "false") => Scalar::Flag(false),
                    (_, _, text) => Scalar::Text(text),
                };
                (*property, scalar)
            });
            self.builder.push(&customer, Timestamp::from_micros(micros), &name, scalars)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"<?xml version="1.0"?>
<!-- <trace> of a comment -->
<log xes.version="1.0">
  <extension name="Concept" prefix="concept"/>
  <global scope="event"><string key="concept:name" value="nothing"/></global>
  <string key="about" value="a > b"><string key="concept:name" value="inner"/></string>
  <trace>
    <event>
      <string key="concept:name" value="A &amp; B &#233;"/>
      <date key="time:timestamp" value="2011-10-01T00:38:44.546+02:00"/>
      <float key="amount" value="12.5"><string key="concept:name" value="inner"/></float>
      <boolean key="new" value="true"/>
    </event>
    <string key="concept:name" value='one'/>
    <event><date key="time:timestamp" value="2011-09-30T22:00:00Z"/><string key="concept:name" value="first"/></event>
  </trace>
  <trace/>
  <trace><event><string key="concept:name" value="x"/><date key="time:timestamp" value="2012-01-01T00:00:00Z"/></event></trace>
</log>
"#;

    fn layout() -> Layout {
        Layout { properties: vec!["amount".to_owned(), "new".to_owned()], ..Layout::default() }
    }

    #[test]
    fn traces_events_and_attributes_are_read() {
        let log = xes(LOG.as_bytes(), &layout()).unwrap();
        let told: Vec<_> = (0..log.len()).map(|row| (log.name(row).to_owned(), log.time(row).to_string())).collect();
        assert_eq!(told[0], ("first".to_owned(), "2011-09-30T22:00:00Z".to_owned()));
        assert_eq!(told[1], ("A & B é".to_owned(), "2011-09-30T22:38:44.546Z".to_owned()));
        let customers: Vec<_> = log.customers().iter().map(str::to_owned).collect();
        assert_eq!(customers, ["one", "trace 3"]);
        assert_eq!(log.column("amount").unwrap().get(1), Some(Scalar::Number(12.5)));
        assert_eq!(log.column("new").unwrap().get(1), Some(Scalar::Flag(true)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |text: &str| xes(text.as_bytes(), &layout()).unwrap_err().to_string();
        assert_eq!(wrong("<html></html>"), "line 1: the document is no log of XES");
        assert_eq!(wrong("\n\n"), "line 2: the document is no log of XES");
        assert_eq!(wrong("<log>\n<trace>"), "line 2: the document ends inside an element");
        assert_eq!(wrong("<log>\n<trace"), "line 2: a tag is not closed");
        assert_eq!(wrong("<log></log></log>"), "line 1: an element ends that never began");
        let event = "<log><trace><string key=\"concept:name\" value=\"t\"/>\n<event>ATTRIBUTES</event></trace></log>";
        assert_eq!(wrong(&event.replace("ATTRIBUTES", "")), "line 2: an event of trace \"t\" has no concept:name");
        let late = "<string key='concept:name' value='&no;'/><date key='time:timestamp' value='2011-09-30T22:00:00Z'/>";
        assert_eq!(wrong(&event.replace("ATTRIBUTES", late)), "line 2: an entity is not known");
        let late = "<string key='concept:name' value='a'/><date key='time:timestamp' value='soon'/>";
        assert!(wrong(&event.replace("ATTRIBUTES", late)).contains("time:timestamp \"soon\" is not a time"));
        assert!(xes(&b"<log>\xff</log>"[..], &layout()).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn a_document_beyond_the_limit_is_refused() {
        let size = LOG.len() as u64;
        assert!(up_to(LOG.as_bytes(), &layout(), size).is_ok());
        assert!(up_to(LOG.as_bytes(), &layout(), size - 1).unwrap_err().to_string().contains("larger"));
    }
}
