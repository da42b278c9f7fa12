//! What differs between countries whose names are written with letters.

/// A country's words.
#[derive(Debug)]
pub(crate) struct Culture {
    /// Women's given names, the most frequent first.
    pub(crate) women: &'static [&'static str],
    /// Men's given names, the most frequent first.
    pub(crate) men: &'static [&'static str],
    /// Given names and the short forms they are called by.
    pub(crate) nicknames: &'static [(&'static str, &'static str)],
    /// Frequent family names, the most frequent first.
    pub(crate) family: &'static [&'static str],
    /// Beginnings and ends of rarer family names.
    pub(crate) rare_family: (&'static [&'static str], &'static [&'static str]),
    /// Names of streets.
    pub(crate) streets: &'static [&'static str],
    /// Kinds of street, as written out and as shortened, with what stands between name and kind.
    pub(crate) street_kinds: &'static [(&'static str, &'static str)],
    /// Between a street's name and its kind.
    pub(crate) street_joint: &'static str,
    /// Towns, the largest first.
    pub(crate) towns: &'static [&'static str],
    /// Mail providers, the largest first.
    pub(crate) mail: &'static [&'static str],
    /// Letters and what they are written as by who lacks them.
    pub(crate) letters: &'static [(&'static str, &'static str)],
    /// The country's prefix of phone numbers.
    pub(crate) country_code: &'static str,
    /// First digits of mobile numbers, without the leading zero.
    pub(crate) mobile: &'static [&'static str],
    /// How a flat is written.
    pub(crate) flat: &'static str,
    /// Titles before a name.
    pub(crate) titles: (&'static [&'static str], &'static [&'static str]),
}

impl Culture {
    /// The text in the letters everybody has.
    pub(crate) fn plain_letters(&self, text: &str) -> String {
        self.letters.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}
