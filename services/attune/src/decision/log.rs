//! A log of decisions and what its columns mean.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::columns::{Columns, Features};
use super::policy;
use crate::exit::Failure;

/// Shares of weights by which propensities count as equal: files round them.
const EQUAL: f64 = 1e-3;

/// What the columns of a log mean.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meaning {
    /// The column of the time; it is no context.
    #[serde(default)]
    pub(crate) time: Option<String>,
    /// The column of what was chosen.
    pub(crate) action: String,
    /// The column of what came of it.
    pub(crate) reward: String,
    /// The column of the probability with which it was chosen.
    pub(crate) propensity: String,
    /// The column of the place in which it was shown; a part of the context.
    #[serde(default)]
    pub(crate) position: Option<String>,
    /// What was known when it was chosen.
    #[serde(default)]
    pub(crate) context: Context,
    /// A file with a row of features for each action, under a column named as that of the action; its path is taken from
    /// where the configuration lies.
    #[serde(default)]
    pub(crate) action_context: Option<PathBuf>,
    /// All actions; without it those of the log and of `action_context`.
    #[serde(default)]
    pub(crate) actions: Vec<String>,
    /// With which probability intervals hold the value.
    #[serde(default = "confidence")]
    pub(crate) confidence: f64,
}

fn confidence() -> f64 {
    0.95
}

/// Columns of the context: all that have a name and mean nothing else, unless they are named here. A name that ends in `*` is a beginning.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// These and no others.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    /// All but these.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

/// A log.
#[derive(Debug)]
pub(crate) struct Log {
    columns: Columns,
    context: Vec<usize>,
    /// What each action is like, a row each, and the rows by action.
    items: Option<(Columns, Vec<usize>, Vec<usize>)>,
    /// All actions, in order of their names.
    pub(crate) actions: Vec<String>,
    /// The action of each row.
    pub(crate) chosen: Vec<usize>,
    /// The reward of each row.
    pub(crate) rewards: Vec<f64>,
    /// The propensity of each row.
    pub(crate) propensities: Vec<f64>,
    /// The confidence of intervals.
    pub(crate) confidence: f64,
}

impl Log {
    /// Reads a log.
    ///
    /// # Errors
    /// Bad input, which names file, line and field.
    pub(crate) fn read(log: &Path, config: &Path) -> Result<Self, Failure> {
        let meaning: Meaning = policy::read(config)?;
        let wrong = |what: &str| Failure::input(format!("{}: {what}", config.display()));
        if !(meaning.confidence > 0.0 && meaning.confidence < 1.0) {
            return Err(wrong("confidence: not between 0 and 1"));
        }
        if !meaning.context.include.is_empty() && !meaning.context.exclude.is_empty() {
            return Err(wrong("context: include and exclude exclude each other"));
        }
        let columns = Columns::read(log)?;
        let action = columns.place(&meaning.action)?;
        let (reward, propensity) = (columns.place(&meaning.reward)?, columns.place(&meaning.propensity)?);
        let position = meaning.position.as_deref().map(|name| columns.place(name)).transpose()?;
        let time = meaning.time.as_deref().map(|name| columns.place(name)).transpose()?;
        let mut context = chosen_columns(&columns, &meaning.context)?;
        context.retain(|place| ![Some(action), Some(reward), Some(propensity), time].contains(&Some(*place)));
        context.extend(position.filter(|place| !context.contains(place)));
        let rewards = columns.numbers(reward, |_| true, "not a number")?;
        let right = |number: f64| number > 0.0 && number <= 1.0;
        let propensities = columns.numbers(propensity, right, "not a probability above 0")?;
        let items = meaning.action_context.as_deref().map(|path| {
            let path = config.parent().unwrap_or(Path::new("")).join(path);
            let items = Columns::read(&path)?;
            let place = items.place(&meaning.action)?;
            Ok::<_, Failure>((items, place))
        });
        let items = items.transpose()?;
        let mut actions: Vec<String> = columns.texts(action).names.clone();
        if meaning.actions.is_empty() {
            let more = items.iter().flat_map(|(items, place)| items.texts(*place).names.iter().cloned());
            actions.extend(more);
        } else {
            let known = |name: &String| meaning.actions.contains(name);
            if let Some(row) = (0..columns.rows()).find(|row| !known(&columns.texts(action).get(*row).to_owned())) {
                return Err(columns.wrong(row, action, "not one of the actions"));
            }
            actions.clone_from(&meaning.actions);
        }
        actions.sort();
        actions.dedup();
        let number = |name: &String| actions.binary_search(name).unwrap_or_default();
        let numbers: Vec<usize> = columns.texts(action).names.iter().map(number).collect();
        let chosen = columns.texts(action).codes.iter().map(|code| numbers[*code as usize]).collect();
        let items = items.map(|(items, place)| described(items, place, &actions)).transpose()?;
        Ok(Self { columns, context, items, actions, chosen, rewards, propensities, confidence: meaning.confidence })
    }

    /// What is known of each row.
    pub(crate) fn features(&self) -> Features<'_> {
        self.columns.features(&self.context)
    }

    /// What is known of each action, and the row of each; nothing without a file of them.
    pub(crate) fn items(&self) -> Option<(Features<'_>, &[usize])> {
        self.items.as_ref().map(|(columns, places, rows)| (columns.features(places), rows.as_slice()))
    }

    /// How many decisions there are.
    pub(crate) fn rows(&self) -> usize {
        self.chosen.len()
    }

    /// Whether every action was as probable as any other in every row.
    pub(crate) fn is_uniform(&self) -> bool {
        let wanted = 1.0 / self.actions.len() as f64;
        self.propensities.iter().all(|one| (one / wanted - 1.0).abs() <= EQUAL)
    }
}

/// Whether a column has no name: such a one counts rows.
fn is_unnamed(columns: &Columns, place: usize) -> bool {
    columns.header[place] == format!("column {}", place + 1)
}

/// The columns that a context names.
fn chosen_columns(columns: &Columns, context: &Context) -> Result<Vec<usize>, Failure> {
    let matching = |pattern: &String| {
        if let Some(beginning) = pattern.strip_suffix('*') {
            let all = columns.header.iter().enumerate();
            return Ok(all.filter(|(_, name)| name.starts_with(beginning)).map(|(place, _)| place).collect());
        }
        columns.place(pattern).map(|place| vec![place])
    };
    let of = |patterns: &[String]| -> Result<Vec<usize>, Failure> {
        let mut places = Vec::new();
        for pattern in patterns {
            places.extend::<Vec<usize>>(matching(pattern)?);
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    };
    if !context.include.is_empty() {
        return of(&context.include);
    }
    let out = of(&context.exclude)?;
    Ok((0..columns.header.len()).filter(|place| !out.contains(place) && !is_unnamed(columns, *place)).collect())
}

/// A file of actions with the row of each.
fn described(items: Columns, place: usize, actions: &[String]) -> Result<(Columns, Vec<usize>, Vec<usize>), Failure> {
    let mut rows = FxHashMap::default();
    for row in 0..items.rows() {
        if rows.insert(items.texts(place).get(row).to_owned(), row).is_some() {
            return Err(items.wrong(row, place, "the action has two rows"));
        }
    }
    let of = |action: &String| {
        let missing = || Failure::input(format!("{}: there is no row for action {action:?}", items.file));
        rows.get(action).copied().ok_or_else(missing)
    };
    let of_actions = actions.iter().map(of).collect::<Result<Vec<usize>, _>>()?;
    let places = (0..items.header.len()).filter(|one| *one != place && !is_unnamed(&items, *one)).collect();
    Ok((items, places, of_actions))
}
