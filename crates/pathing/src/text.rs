//! Reading small languages: a cursor over text, and errors with a position.

/// The text is not in the language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {message}")]
pub struct ParseError {
    /// The character where reading stopped, from 1.
    pub position: usize,
    /// What is wrong there, lower case, without a full stop.
    pub message: String,
}

/// A place in a text.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    /// The byte at which reading goes on; always the start of a character.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next character after white space, without taking it.
    pub(crate) fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    /// Takes `token` when it comes next, after white space.
    pub(crate) fn take(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Takes characters while `belongs` holds, without skipping white space.
    pub(crate) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !belongs(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// The number of the next character, from 1.
    pub(crate) fn position(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }

    /// An error at the next character.
    pub(crate) fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { position: self.position(), message: message.into() }
    }

    /// What stands where something else was expected.
    pub(crate) fn expected(&mut self, what: &str) -> ParseError {
        match self.peek() {
            Some(found) => self.error(format!("expected {what}, found '{found}'")),
            None => self.error(format!("expected {what}, found the end")),
        }
    }

    /// Reads a text in single or double quotes, the next character being the quote. A backslash takes the character
    /// after it as it is.
    pub(crate) fn quoted(&mut self) -> Result<String, ParseError> {
        let opening = self.position();
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut text = String::new();
        while let Some((offset, c)) = chars.next() {
            if Some(c) == quote {
                self.at += offset + c.len_utf8();
                return Ok(text);
            }
            text.push(if c == '\\' { chars.next().map_or(c, |(_, escaped)| escaped) } else { c });
        }
        Err(ParseError { position: opening, message: "the quote is not closed".to_owned() })
    }
}
