//! Rows of a file in typed columns.

use attune_bandit::encode::{Kind, Value};
use rustc_hash::FxHashMap;

use crate::exit::Failure;
use crate::rows::Rows;

/// The most rows that are read: numbers of rows are kept in 32 bits.
const MOST_ROWS: usize = 1 << 31;

/// Texts that stand for no value.
const MISSING: [&str; 7] = ["", "?", "NA", "N/A", "NaN", "nan", "null"];

/// A column's texts, each distinct one once.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// The number of each row's text.
    pub(crate) codes: Vec<u32>,
    /// The distinct texts, in order of their first row.
    pub(crate) names: Vec<String>,
    known: FxHashMap<String, u32>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        let code = self.known.get(text).copied().unwrap_or_else(|| {
            let code = self.names.len() as u32;
            self.names.push(text.to_owned());
            self.known.insert(text.to_owned(), code);
            code
        });
        self.codes.push(code);
    }

    /// The text of a row.
    pub(crate) fn get(&self, row: usize) -> &str {
        self.codes.get(row).and_then(|code| self.names.get(*code as usize)).map_or("", String::as_str)
    }

    /// The number of a text.
    pub(crate) fn code(&self, text: &str) -> Option<u32> {
        self.known.get(text).copied()
    }
}

/// A file in columns.
#[derive(Debug)]
pub(crate) struct Columns {
    /// The file as it is said to people.
    pub(crate) file: String,
    /// The columns' names.
    pub(crate) header: Vec<String>,
    columns: Vec<Texts>,
    /// The line on which each row begins.
    lines: Vec<u32>,
}

impl Columns {
    /// Reads a file.
    ///
    /// # Errors
    /// Bad input, which names file, line and field.
    pub(crate) fn read(path: &std::path::Path) -> Result<Self, Failure> {
        let mut rows = Rows::open(path)?;
        let header = rows.header().to_vec();
        let mut columns: Vec<Texts> = header.iter().map(|_| Texts::default()).collect();
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            for (at, column) in columns.iter_mut().enumerate() {
                column.push(row.field(at));
            }
            lines.push(rows.line());
            if lines.len() > MOST_ROWS {
                return Err(Failure::input(format!("{}: more than {MOST_ROWS} rows", rows.name())));
            }
        }
        if lines.is_empty() {
            return Err(Failure::input(format!("{}: line 2: there is no row", rows.name())));
        }
        Ok(Self { file: rows.name().to_owned(), header, columns, lines })
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The place of a column.
    ///
    /// # Errors
    /// Bad input when it is not there.
    pub(crate) fn place(&self, name: &str) -> Result<usize, Failure> {
        self.header.iter().position(|column| column == name).ok_or_else(|| {
            let columns = self.header.join(", ");
            Failure::input(format!("{}: line 1: there is no field {name}; there are {columns}", self.file))
        })
    }

    /// A column's texts.
    pub(crate) fn texts(&self, place: usize) -> &Texts {
        &self.columns[place]
    }

    /// A column's numbers.
    ///
    /// # Errors
    /// Bad input at the first that is none.
    pub(crate) fn numbers(&self, place: usize, right: impl Fn(f64) -> bool, what: &str) -> Result<Vec<f64>, Failure> {
        let texts = self.texts(place);
        let number = |row: usize| {
            let number: Option<f64> = texts.get(row).parse().ok().filter(|number: &f64| number.is_finite());
            number.filter(|number| right(*number)).ok_or_else(|| self.wrong(row, place, what))
        };
        (0..self.rows()).map(number).collect()
    }

    /// Bad input at a row and a column.
    pub(crate) fn wrong(&self, row: usize, place: usize, what: &str) -> Failure {
        let (line, field) = (self.lines.get(row).copied().unwrap_or_default(), &self.header[place]);
        let found = self.texts(place).get(row);
        Failure::input(format!("{}: line {line} field {field}: {what}: {found:?}", self.file))
    }

    /// These columns as a learner sees them.
    pub(crate) fn features(&self, places: &[usize]) -> Features<'_> {
        let columns = places.iter().map(|place| Feature::of(&self.columns[*place])).collect();
        let names = places.iter().map(|place| self.header[*place].as_str()).collect();
        Features { names, columns }
    }
}

/// A column as a learner sees it.
#[derive(Debug)]
enum Feature<'a> {
    /// The number of each distinct text, none for those that stand for no value.
    Number(&'a Texts, Vec<Option<f64>>),
    Category(&'a Texts, Vec<bool>),
}

impl<'a> Feature<'a> {
    /// Numbers where every text is one or stands for no value, and there is one at all.
    fn of(texts: &'a Texts) -> Self {
        let missing: Vec<bool> = texts.names.iter().map(|name| MISSING.contains(&name.as_str())).collect();
        let numbers: Vec<Option<f64>> =
            texts.names.iter().map(|name| name.parse().ok().filter(|number: &f64| number.is_finite())).collect();
        let all = numbers.iter().zip(&missing).all(|(number, missing)| number.is_some() || *missing);
        if all && numbers.iter().any(Option::is_some) {
            Self::Number(texts, numbers)
        } else {
            Self::Category(texts, missing)
        }
    }
}

/// What a learner sees of each row.
#[derive(Debug)]
pub(crate) struct Features<'a> {
    names: Vec<&'a str>,
    columns: Vec<Feature<'a>>,
}

impl<'a> Features<'a> {
    /// What each column holds.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let kind = |column: &Feature<'_>| match column {
            Feature::Number(..) => Kind::Number,
            Feature::Category(..) => Kind::Category,
        };
        self.columns.iter().map(kind).collect()
    }

    /// The columns' names.
    pub(crate) fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// How many entries a dense vector needs so that every category has one of its own.
    pub(crate) fn entries(&self) -> usize {
        let of = |column: &Feature<'_>| match column {
            Feature::Number(..) => 1,
            Feature::Category(texts, _) => 1 + texts.names.len(),
        };
        1 + self.columns.iter().map(of).sum::<usize>()
    }

    /// A row's values.
    pub(crate) fn row(&self, row: usize, out: &mut Vec<Value<'a>>) {
        out.clear();
        out.extend(self.columns.iter().map(|column| match column {
            Feature::Number(texts, numbers) => numbers[texts.codes[row] as usize].map_or(Value::Missing, Value::Number),
            Feature::Category(texts, missing) => {
                let code = texts.codes[row] as usize;
                if missing[code] { Value::Missing } else { Value::Category(&texts.names[code]) }
            }
        }));
    }
}
