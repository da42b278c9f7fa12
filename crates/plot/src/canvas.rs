//! An SVG document in the making.

use std::fmt::{Display, Write as _};

use crate::theme::{FONT, INK, PAPER, TEXT, TITLE};

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) size: f64,
    pub(crate) colour: &'a str,
    pub(crate) align: Align,
    pub(crate) bold: bool,
}

impl Look<'_> {
    /// Ordinary text from its point on.
    pub(crate) const PLAIN: Look<'static> = Look { size: TEXT, colour: INK, align: Align::Start, bold: false };

    pub(crate) fn aligned(self, align: Align) -> Self {
        Self { align, ..self }
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke<'a> {
    pub(crate) colour: &'a str,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
}

/// A document: shapes in the order drawn.
#[derive(Debug)]
pub(crate) struct Canvas {
    width: f64,
    height: f64,
    title: String,
    description: String,
    body: String,
}

impl Canvas {
    /// An empty one with its title at the top. The description is what a reader of the screen says.
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        let mut canvas =
            Self { width, height, title: title.to_owned(), description: description.to_owned(), body: String::new() };
        let shown = crate::theme::fitted(title, TITLE, width - 40.0);
        canvas.text(20.0, 30.0, &shown, Look { size: TITLE, bold: true, ..Look::PLAIN });
        canvas
    }

    /// A rectangle; what it stands for is its tooltip, where it is not empty.
    pub(crate) fn rect(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, tip: &str) {
        let _ = write!(
            self.body,
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{fill}""#,
            Figure(at.0),
            Figure(at.1),
            Figure(size.0.max(0.0)),
            Figure(size.1.max(0.0)),
        );
        self.close("rect", tip);
    }

    /// A straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke<'_>) {
        let _ = write!(
            self.body,
            r#"<line x1="{}" y1="{}" x2="{}" y2="{}""#,
            Figure(from.0),
            Figure(from.1),
            Figure(to.0),
            Figure(to.1)
        );
        self.stroke(stroke);
        self.body.push_str("/>\n");
    }

    /// A filled shape with an opacity.
    pub(crate) fn area(&mut self, outline: &Outline, fill: &str, opacity: f64, tip: &str) {
        let _ = write!(self.body, r#"<path d="{}" fill="{fill}""#, outline.0);
        if opacity < 1.0 {
            let _ = write!(self.body, r#" fill-opacity="{}""#, Figure(opacity));
        }
        self.close("path", tip);
    }

    /// A curve along an outline.
    pub(crate) fn curve(&mut self, outline: &Outline, stroke: Stroke<'_>, opacity: f64, tip: &str) {
        let _ = write!(self.body, r#"<path d="{}" fill="none""#, outline.0);
        self.stroke(stroke);
        if opacity < 1.0 {
            let _ = write!(self.body, r#" stroke-opacity="{}""#, Figure(opacity));
        }
        self.close("path", tip);
    }

    /// A text on its base line.
    pub(crate) fn text(&mut self, x: f64, y: f64, text: &str, look: Look<'_>) {
        let _ = write!(
            self.body,
            r#"<text x="{}" y="{}" font-size="{}" fill="{}""#,
            Figure(x),
            Figure(y),
            Figure(look.size),
            look.colour
        );
        match look.align {
            Align::Start => {}
            Align::Middle => self.body.push_str(r#" text-anchor="middle""#),
            Align::End => self.body.push_str(r#" text-anchor="end""#),
        }
        if look.bold {
            self.body.push_str(r#" font-weight="600""#);
        }
        let _ = writeln!(self.body, ">{}</text>", Escaped(text));
    }

    /// The document.
    pub(crate) fn finish(self) -> String {
        let (width, height) = (Figure(self.width), Figure(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-labelledby=\"title description\" font-family=\"{FONT}\">\n\
             <title id=\"title\">{}</title>\n<desc id=\"description\">{}</desc>\n\
             <rect x=\"0\" y=\"0\" width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n{}</svg>\n",
            Escaped(&self.title),
            Escaped(&self.description),
            self.body
        )
    }

    fn stroke(&mut self, stroke: Stroke<'_>) {
        let _ = write!(self.body, r#" stroke="{}" stroke-width="{}""#, stroke.colour, Figure(stroke.width));
        if stroke.dashed {
            self.body.push_str(r#" stroke-dasharray="6 4""#);
        }
    }

    fn close(&mut self, element: &str, tip: &str) {
        if tip.is_empty() {
            self.body.push_str("/>\n");
        } else {
            let _ = writeln!(self.body, "><title>{}</title></{element}>", Escaped(tip));
        }
    }
}

/// The outline of a shape.
#[derive(Debug, Default)]
pub(crate) struct Outline(String);

impl Outline {
    /// Begins at a point.
    pub(crate) fn from(x: f64, y: f64) -> Self {
        Self(format!("M{} {}", Figure(x), Figure(y)))
    }

    /// Goes straight to a point.
    pub(crate) fn to(mut self, x: f64, y: f64) -> Self {
        let _ = write!(self.0, "L{} {}", Figure(x), Figure(y));
        self
    }

    /// Goes to a point in a curve that leaves and arrives as its two handles pull.
    pub(crate) fn bend(mut self, leave: (f64, f64), arrive: (f64, f64), to: (f64, f64)) -> Self {
        let _ = write!(
            self.0,
            "C{} {} {} {} {} {}",
            Figure(leave.0),
            Figure(leave.1),
            Figure(arrive.0),
            Figure(arrive.1),
            Figure(to.0),
            Figure(to.1)
        );
        self
    }

    /// Goes back to where it began.
    pub(crate) fn closed(mut self) -> Self {
        self.0.push('Z');
        self
    }
}

/// A length with at most two decimals; the same on every machine.
struct Figure(f64);

impl Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.2}", self.0);
        let short = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if short == "-0" { "0" } else { short })
    }
}

/// Text that cannot leave its element; characters that XML 1.0 knows no way to write become replacement characters.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    f.write_char('\u{fffd}')?;
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Checks that a document is well formed: every element closed in order, and no stray bracket or ampersand.
    pub(crate) fn well_formed(svg: &str) {
        let mut open = Vec::new();
        let mut rest = svg;
        while let Some(at) = rest.find('<') {
            assert!(!rest[..at].contains('>'), "a stray bracket: {}", &rest[..at]);
            for (amp, _) in rest[..at].match_indices('&') {
                let known = ["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|one| rest[amp..].starts_with(one));
                assert!(known, "a stray ampersand: {}", &rest[..at]);
            }
            let end = at + rest[at..].find('>').expect("a tag without an end");
            let tag = &rest[at + 1..end];
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if tag.ends_with('/') => {}
                None => open.push(tag.split(' ').next().unwrap()),
            }
            assert!(!tag.contains("NaN") && !tag.contains("inf"), "{tag}");
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty() && rest.trim().is_empty());
    }

    #[test]
    fn whatever_the_texts_the_document_is_well_formed() {
        let mut canvas = Canvas::new(300.0, 100.0, "a < b & \"c\"", "<script>\u{1}");
        canvas.rect((1.0, 2.0), (-1.0, 3.126), "#000000", "</rect>");
        canvas.text(-0.001, 5.0, "]]> & <", Look::PLAIN.aligned(Align::Middle));
        let svg = canvas.finish();
        well_formed(&svg);
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;") && svg.contains("&lt;script&gt;\u{fffd}"));
        assert!(svg.contains(r#"width="0" height="3.13""#) && svg.contains(r#"x="0" y="5""#));
    }
}
