//! What every page shares: the frame around it and the small parts it is built of.
//!
//! These are plain values, made by a page's handler and read by its template; nothing here knows the Desk, the store
//! or HTTP. Text is kept as text: escaping happens in one place, askama's HTML writer.

/// The colour of a chip, a banner or a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tone {
    /// Says nothing special.
    #[default]
    Plain,
    /// Under way, or the reader's own.
    Accent,
    /// Done, or well.
    Good,
    /// Look at it soon.
    Warn,
    /// Look at it now.
    Bad,
}

impl Tone {
    /// The class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Accent => "accent",
            Tone::Good => "good",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }
}

/// A word with a state.
#[derive(Clone, Debug, Default)]
pub struct Chip {
    /// The word.
    pub label: String,
    /// Its colour.
    pub tone: Tone,
}

impl Chip {
    /// A chip.
    pub fn new(tone: Tone, label: impl Into<String>) -> Chip {
        Chip { label: label.into(), tone }
    }
}

/// How far an entry is known to be stored: 已存本机 → 已到镇 → 已到市.
#[derive(Clone, Debug, Default)]
pub struct Ticks {
    /// The steps that apply here, lowest first, and whether each is reached.
    pub steps: Vec<(&'static str, bool)>,
}

/// A strip above the page.
#[derive(Clone, Debug)]
pub struct Banner {
    /// How loud.
    pub tone: Tone,
    /// What is so.
    pub title: String,
    /// What is safe and what to do.
    pub text: String,
}

/// One place of the program.
#[derive(Clone, Debug)]
pub struct NavItem {
    /// Where it is.
    pub href: &'static str,
    /// Its name.
    pub label: &'static str,
    /// How many wait there.
    pub count: u64,
    /// Whether the reader is there.
    pub here: bool,
}

/// What stands around a page.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The page's title, without personal data (browsers keep it).
    pub title: String,
    /// The office; empty before the node is unlocked.
    pub office: String,
    /// The signed-in person's name; empty: nobody.
    pub person: String,
    /// The places this person may go.
    pub nav: Vec<NavItem>,
    /// What every form must carry.
    pub csrf: String,
    /// What everybody must know now.
    pub banners: Vec<Banner>,
    /// Whether a superior is connected, and the word for it; none: not shown.
    pub link: Option<(bool, String)>,
    /// The change number the page was made at, for live updates.
    pub change: u64,
}

/// One of the values a field may take.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// Whether it is the one.
    pub picked: bool,
}

impl Choice {
    /// Choices from pairs of value and label.
    pub fn list<V: Into<String>, L: Into<String>>(pairs: impl IntoIterator<Item = (V, L)>, picked: &str) -> Vec<Choice> {
        let choice = |(value, label): (V, L)| {
            let value = value.into();
            Choice { picked: value == picked, value, label: label.into() }
        };
        pairs.into_iter().map(choice).collect()
    }
}

/// How a field is typed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Input {
    /// A line.
    #[default]
    Text,
    /// Several lines.
    Area,
    /// Digits, with or without a point.
    Number,
    /// A telephone or account number.
    Digits,
    /// A date.
    Date,
    /// One of a list.
    Select,
    /// One of a list, all of it in sight.
    One,
    /// Any of a list.
    Many,
    /// Not shown while typed.
    Password,
    /// Not shown at all.
    Hidden,
}

/// A field of a form.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// The name it is sent under.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What stands in it.
    pub value: String,
    /// What stood in it when the form was made; sent along, so that only what was changed is taken.
    pub was: Option<String>,
    /// How it is typed in.
    pub input: Input,
    /// For [`Input::Select`]; for a line, suggestions.
    pub choices: Vec<Choice>,
    /// A word of help.
    pub hint: String,
    /// What is wrong with it.
    pub fault: String,
    /// Whether it must be there.
    pub need: bool,
    /// Whether it takes the whole width.
    pub wide: bool,
    /// Tells it from a field of that name in another form of the page.
    pub scope: String,
    /// The kinds of assistance whose form has it, with bars between; empty: every one.
    pub only: String,
}

impl Field {
    /// A line.
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Field {
        Field { name: name.into(), label: label.into(), ..Field::default() }
    }

    /// Several lines.
    pub fn area(name: impl Into<String>, label: impl Into<String>) -> Field {
        Field { input: Input::Area, wide: true, ..Field::text(name, label) }
    }

    /// One of a list.
    pub fn select(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Field {
        let value = choices.iter().find(|choice| choice.picked).map(|choice| choice.value.clone()).unwrap_or_default();
        Field { input: Input::Select, choices, value, ..Field::text(name, label) }
    }

    /// One of a list, all of it in sight: one click where a list that opens takes two.
    pub fn one(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Field {
        Field { input: Input::One, wide: true, ..Field::select(name, label, choices) }
    }

    /// Any of a list.
    pub fn many(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Field {
        Field { input: Input::Many, wide: true, choices, ..Field::text(name, label) }
    }

    /// Sent, not shown.
    pub fn hidden(name: impl Into<String>, value: impl Into<String>) -> Field {
        Field { input: Input::Hidden, value: value.into(), ..Field::text(name, "") }
    }

    /// Shown only while one of these kinds of assistance is picked.
    pub fn only_for(mut self, kinds: &[String]) -> Field {
        self.only = kinds.join("|");
        self
    }

    /// With this in it.
    pub fn with(mut self, value: impl Into<String>) -> Field {
        self.value = value.into();
        self
    }

    /// Typed in this way.
    pub fn typed(mut self, input: Input) -> Field {
        self.input = input;
        self
    }

    /// Must be there.
    pub fn needed(mut self) -> Field {
        self.need = true;
        self
    }

    /// Over the whole width.
    pub fn widely(mut self) -> Field {
        self.wide = true;
        self
    }

    /// With a word of help.
    pub fn hinted(mut self, hint: impl Into<String>) -> Field {
        self.hint = hint.into();
        self
    }

    /// Puts back what was typed.
    pub fn refill(&mut self, typed: &str) {
        typed.clone_into(&mut self.value);
        for choice in &mut self.choices {
            choice.picked = choice.value == typed;
        }
    }

    /// Puts back what was typed into a form.
    pub fn refill_from(&mut self, form: &super::forms::Form) {
        if self.input != Input::Many {
            return self.refill(&form.raw(&self.name));
        }
        for choice in &mut self.choices {
            choice.picked = form.all(&self.name).contains(&choice.value);
        }
    }

    /// Its id in the page.
    pub fn id(&self) -> String {
        format!("f{}-{}", self.scope, self.name)
    }

    /// The name of the list of suggestions.
    pub fn list_id(&self) -> String {
        format!("list{}-{}", self.scope, self.name)
    }

    /// Whether it is a box for each choice.
    pub fn is_of_boxes(&self) -> bool {
        matches!(self.input, Input::One | Input::Many)
    }

    /// The `type` attribute.
    pub fn kind(&self) -> &'static str {
        match self.input {
            Input::Date => "date",
            Input::Password => "password",
            Input::Hidden => "hidden",
            Input::One => "radio",
            Input::Many => "checkbox",
            _ => "text",
        }
    }

    /// The `inputmode` attribute.
    pub fn mode(&self) -> &'static str {
        match self.input {
            Input::Number => "decimal",
            Input::Digits => "numeric",
            _ => "text",
        }
    }
}

/// What a form that writes must carry besides its fields.
#[derive(Clone, Debug, Default)]
pub struct Stub {
    /// Against forged requests.
    pub csrf: String,
    /// The action's id, made with the form: sent twice, done once.
    pub action: String,
    /// The heads the form showed.
    pub heads: String,
}

/// A label and what it says.
#[derive(Clone, Debug, Default)]
pub struct Fact {
    /// The label.
    pub label: String,
    /// What it says; empty: not known.
    pub value: String,
    /// Whether it takes two columns.
    pub wide: bool,
}

impl Fact {
    /// A fact.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Fact {
        Fact { label: label.into(), value: value.into(), wide: false }
    }

    /// A fact over two columns.
    pub fn wide(label: impl Into<String>, value: impl Into<String>) -> Fact {
        Fact { wide: true, ..Fact::new(label, value) }
    }
}

/// A case in a short list.
#[derive(Clone, Debug, Default)]
pub struct CaseLine {
    /// Where it is.
    pub href: String,
    /// What it is about.
    pub title: String,
    /// Day, number.
    pub note: String,
    /// Where it stands.
    pub stage: Chip,
}
