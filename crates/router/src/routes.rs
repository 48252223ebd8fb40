//! Which subjects clients may name, and what becomes of them.

use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::limits;
use concierge_api_rs::packet::{Subject, WordError};

/// What clients may send to the subjects below one, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Subjects that begin with it; `None` is every subject.
    pub subject: Option<Subject>,
    /// The *Subject Prefix*: what workers see before the subject. Clients never name it.
    pub prefix: Option<Subject>,
    /// Whether requests pass.
    pub requests: bool,
    /// Whether pushes pass.
    pub pushes: bool,
    /// Only clients that have one of these tags; none is everybody.
    pub tags: Vec<String>,
    /// How long a request may wait for its final response.
    pub within: Millis,
    /// How many requests of one client may wait.
    pub in_flight: usize,
}

/// Everything passes.
impl Default for Route {
    fn default() -> Self {
        Self {
            subject: None,
            prefix: None,
            requests: true,
            pushes: true,
            tags: Vec::new(),
            within: Millis(i64::try_from(limits::ROUTER_WITHIN_MS).expect("it is a few seconds")),
            in_flight: limits::ROUTER_IN_FLIGHT,
        }
    }
}

impl Route {
    /// The route that `SUBJECT[=PREFIX] [q|p] [tag:TAG]… [within:MS] [in_flight:N]` writes; `*` is every subject. What it does not say
    /// is as in `otherwise`.
    ///
    /// # Errors
    /// A sentence that names the word that makes no sense.
    pub fn parse(text: &str, otherwise: &Self) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let first = words.next().ok_or("a route begins with a subject, or with `*`")?;
        let (subject, prefix) = first.split_once('=').map_or((first, None), |(subject, prefix)| (subject, Some(prefix)));
        let parsed = |text: &str| Subject::parse(text).map_err(|error| format!("`{text}` is none: {error}"));
        let mut route = Self { tags: Vec::new(), ..otherwise.clone() };
        route.subject = if subject == "*" { None } else { Some(parsed(subject)?) };
        if let Some(prefix) = prefix {
            route.prefix = Some(parsed(prefix)?);
        }
        words.try_for_each(|word| route.read(word).ok_or_else(|| format!("`{word}` in `{text}` means nothing")))?;
        Ok(route)
    }

    /// One of the words behind the subject.
    fn read(&mut self, word: &str) -> Option<()> {
        match word.split_once(':') {
            None if word == "q" => self.pushes = false,
            None if word == "p" => self.requests = false,
            Some(("tag", tag)) if !tag.is_empty() => self.tags.push(tag.to_owned()),
            Some(("within", ms)) => self.within = Millis(ms.parse().ok().filter(|ms| *ms > 0)?),
            Some(("in_flight", n)) => self.in_flight = n.parse().ok().filter(|n| *n > 0)?,
            _ => return None,
        }
        Some(())
    }

    /// What workers see of a subject.
    pub(crate) fn outside(&self, subject: &Subject) -> Result<Subject, WordError> {
        self.prefix.as_ref().map_or_else(|| Ok(subject.clone()), |prefix| prefix.join(subject))
    }

    fn covers(&self, subject: &Subject) -> bool {
        self.subject.as_ref().is_none_or(|prefix| subject.begins_with(prefix))
    }

    fn tokens(&self) -> usize {
        self.subject.as_ref().map_or(0, |subject| subject.tokens().count())
    }
}

/// All routes. Of several that cover a subject the one counts that names most of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

/// One of the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteNumber(usize);

impl Routes {
    /// These routes; of two for the same subject the first counts.
    #[must_use]
    pub fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.tokens()));
        Self(routes)
    }

    pub(crate) fn find(&self, subject: &Subject) -> Option<RouteNumber> {
        self.0.iter().position(|route| route.covers(subject)).map(RouteNumber)
    }

    pub(crate) fn get(&self, number: RouteNumber) -> &Route {
        &self.0[number.0]
    }

    /// All of them; of several that cover a subject the first counts.
    pub(crate) fn all(&self) -> &[Route] {
        &self.0
    }
}

/// One route for everything: a hub works alone without being told how.
impl Default for Routes {
    fn default() -> Self {
        Self(vec![Route::default()])
    }
}
