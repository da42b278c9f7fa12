//! Channels and templates as the outbox uses them: the provider of each channel, opened once; each template, compiled
//! once. Both are remade when a resource changes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use attune_kernel::{Code, Problem, Secret, Violation};
use attune_proto::channel::v1::channel::Provider as Carrier;
use attune_proto::channel::v1::{Channel, DeliveryGuarantee, Template};
use attune_service_kit::crud::{Compiled, Records, Writes};
use attune_storage::Resources;
use parking_lot::Mutex;

use super::{FileProvider, Message, Provider, WebhookProvider};
use crate::domain::delivery::Guarantee;
use crate::domain::record::Delivery;

attune_service_kit::resource! {
    /// Ways to reach persons.
    pub Channels(Channel) { kind: "channel", id: channel_id, check: check_channel }
}
attune_service_kit::resource! {
    /// Texts with variables.
    pub Templates(Template) { kind: "template", id: template_id, check: check_template }
}

/// The attempts of a channel that names no number.
const MAX_ATTEMPTS: u32 = 5;
/// Instructions that rendering one text may take.
const FUEL: u64 = 1_000_000;

/// What is wrong with a channel beyond its field rules.
#[must_use]
pub(super) fn check_channel(channel: &Channel) -> Vec<Violation> {
    match &channel.provider {
        Some(Carrier::File(file)) => {
            let mut parts = Path::new(&file.file_name).components();
            let plain = matches!((parts.next(), parts.next()), (None, _) | (Some(Component::Normal(_)), None));
            let violation = || Violation::new("file.file_name", "must be a plain file name without folders");
            (!plain).then(violation).into_iter().collect()
        }
        Some(Carrier::Webhook(webhook)) => super::webhook::check(webhook),
        _ => Vec::new(),
    }
}

/// As [`check_channel`], and that the signing secret is configured.
#[must_use]
pub(crate) fn check_channel_with(channel: &Channel, secrets: &BTreeMap<String, Secret>) -> Vec<Violation> {
    let mut broken = check_channel(channel);
    if let Some(Carrier::Webhook(webhook)) = &channel.provider
        && !webhook.secret_name.is_empty()
        && !secrets.contains_key(&webhook.secret_name)
    {
        broken.push(Violation::new("webhook.secret_name", "is not a configured secret"));
    }
    broken
}

/// What is wrong with a template beyond its field rules.
#[must_use]
pub(super) fn check_template(template: &Template) -> Vec<Violation> {
    let environment = minijinja::Environment::new();
    [("subject", &template.subject), ("body", &template.body)]
        .into_iter()
        .filter_map(|(field, text)| {
            let error = environment.template_from_str(text).err()?;
            let line = error.line().map_or_else(String::new, |line| format!("line {line}: "));
            Some(Violation::new(field, format!("does not compile: {line}{}", error.kind())))
        })
        .collect()
}

/// What providers need of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where files of file channels lie.
    pub outbox_dir: PathBuf,
    /// Signing secrets by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Whether webhooks may go to private and loopback addresses.
    pub allow_private: bool,
}

/// A delivery's way out.
pub(crate) struct Ready {
    /// Who carries it.
    pub provider: Provider,
    /// What is carried.
    pub message: Message,
    /// What the channel allows.
    pub guarantee: Guarantee,
    /// The most attempts.
    pub max_attempts: u32,
}

/// Everything compiled.
struct View {
    channels: HashMap<String, (Channel, Provider)>,
    templates: HashMap<String, Template>,
    engine: minijinja::Environment<'static>,
}

/// Channels and templates.
#[derive(Clone)]
pub(crate) struct Directory(Arc<Compiled<View>>);

impl Directory {
    /// A directory over the stored resources.
    #[must_use]
    pub(crate) fn new(resources: Arc<dyn Resources>, writes: Writes, settings: Settings) -> Self {
        // Files stay open across remakes: two handles of one file would not know of each other's lines.
        let files: Mutex<HashMap<String, FileProvider>> = Mutex::default();
        let compile = move |records: &Records| view(records, &settings, &files);
        Self(Arc::new(Compiled::new(resources, writes, &["channel", "template"], compile)))
    }

    /// The way out of a delivery: its channel's provider and its rendered message.
    ///
    /// # Errors
    /// `NOT_FOUND` without such a channel, `FAILED_PRECONDITION` when it is off or the message cannot be rendered.
    pub(crate) async fn ready(&self, delivery: &Delivery) -> Result<Ready, Problem> {
        let view = self.0.get().await?;
        let request = &delivery.request;
        let (channel, provider) = view.channel(&request.channel)?;
        Ok(Ready {
            provider: provider.clone(),
            message: view.render(&request.message_id, request.variables.expose())?,
            guarantee: match channel.guarantee() {
                DeliveryGuarantee::AtLeastOnce => Guarantee::AtLeastOnce,
                _ => Guarantee::AtMostOnce,
            },
            max_attempts: u32::try_from(channel.max_attempts).ok().filter(|max| *max > 0).unwrap_or(MAX_ATTEMPTS),
        })
    }

    /// Checks a message before it is accepted.
    ///
    /// # Errors
    /// As [`ready`](Self::ready); a missing variable is `INVALID_ARGUMENT` and names it.
    pub(crate) async fn check(&self, channel: &str, message_id: &str, variables: &str) -> Result<(), Problem> {
        let view = self.0.get().await?;
        view.channel(channel)?;
        if let Some(template) = view.templates.get(message_id) {
            let given: serde_json::Map<String, serde_json::Value> = serde_json::from_str(variables).unwrap_or_default();
            let missing: Vec<Violation> = template
                .required_variables
                .iter()
                .filter(|name| given.get(*name).is_none_or(serde_json::Value::is_null))
                .map(|name| Violation::new(format!("variables.{name}"), "is required by the template"))
                .collect();
            if !missing.is_empty() {
                return Err(Problem::invalid(missing));
            }
        }
        view.render(message_id, variables).map(|_| ())
    }
}

impl View {
    fn channel(&self, id: &str) -> Result<&(Channel, Provider), Problem> {
        let found = self.channels.get(id).ok_or_else(|| Problem::not_found("channel", id))?;
        if found.0.enabled { Ok(found) } else { Err(crate::error::Error::ChannelDisabled(id.to_owned()).into()) }
    }

    /// The message by its template; without one, the variables are the message.
    fn render(&self, message_id: &str, variables: &str) -> Result<Message, Problem> {
        let Some(template) = self.templates.get(message_id) else {
            return Ok(Message { subject: String::new(), body: variables.to_owned() });
        };
        let given: serde_json::Value = serde_json::from_str(variables).unwrap_or_default();
        let given = minijinja::Value::from(minijinja::value::Serde(given));
        let render = |text: &str| {
            self.engine.render_str(text, given.clone()).map_err(|error| {
                let message = format!("template does not render: {}", error.kind());
                Problem::new(Code::FailedPrecondition, "TEMPLATE_FAILED", message).with("template", message_id)
            })
        };
        Ok(Message { subject: render(&template.subject)?, body: render(&template.body)? })
    }
}

fn view(records: &Records, settings: &Settings, files: &Mutex<HashMap<String, FileProvider>>) -> Result<View, Problem> {
    let mut engine = minijinja::Environment::new();
    // A variable that is not there is an error, not an empty place in somebody's letter.
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    // A template is written by a marketer; one that loops for ever must not hold up the others.
    engine.set_fuel(Some(FUEL));
    let mut channels = HashMap::new();
    for channel in records.of::<Channels>()? {
        let provider = match &channel.provider {
            Some(Carrier::File(file)) if file.file_name.is_empty() => Provider::File(FileProvider::standard_output()),
            Some(Carrier::File(file)) => {
                let open = || FileProvider::file(settings.outbox_dir.join(&file.file_name));
                Provider::File(files.lock().entry(file.file_name.clone()).or_insert_with(open).clone())
            }
            Some(Carrier::Webhook(webhook)) => {
                let secret = settings.secrets.get(&webhook.secret_name).cloned();
                Provider::Webhook(Box::new(WebhookProvider::new(webhook.clone(), secret, settings.allow_private)))
            }
            Some(Carrier::Lead(_)) | None => Provider::Lead,
        };
        channels.insert(channel.channel_id.clone(), (channel, provider));
    }
    let templates = records.of::<Templates>()?;
    let templates = templates.into_iter().map(|template| (template.template_id.clone(), template)).collect();
    Ok(View { channels, templates, engine })
}

#[cfg(test)]
mod tests {
    use attune_proto::channel::v1::FileProvider as FileSettings;

    use super::*;

    #[test]
    fn files_stay_in_their_folder() {
        for (name, fine) in [
            ("mail.jsonl", true),
            ("", true),
            ("../mail", false),
            ("/etc/passwd", false),
            ("a/b", false),
            ("..", false),
        ] {
            let provider = Some(Carrier::File(FileSettings { file_name: name.to_owned() }));
            assert_eq!(check_channel(&Channel { provider, ..Channel::default() }).is_empty(), fine, "{name}");
        }
    }

    #[test]
    fn a_template_that_does_not_compile_names_field_and_line() {
        let template = Template { subject: "ok".to_owned(), body: "one\n{{ two".to_owned(), ..Template::default() };
        let found = check_template(&template);
        assert_eq!(found[0].field, "body");
        assert!(found[0].description.contains("line 2"), "{}", found[0].description);
    }
}
