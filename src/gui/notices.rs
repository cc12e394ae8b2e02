//! Short messages over the image: what was done, what was refused, what failed. One at a time; a failure stays until read.

use std::time::{Duration, Instant};

/// How serious a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Done,
    /// A rule said no; nothing was changed.
    Refused,
    /// Something broke; the notice says that nothing was lost and has details to copy.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub text: String,
    /// For "copy details"; empty when there is nothing more to know.
    pub details: String,
    pub since: Instant,
}

/// How long a notice stays that needs no answer.
const DONE_FOR: Duration = Duration::from_secs(5);
const REFUSED_FOR: Duration = Duration::from_secs(9);

impl Notice {
    /// Time left, or `None` when it stays until it is dismissed.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let whole = match self.tone {
            Tone::Done => DONE_FOR,
            Tone::Refused => REFUSED_FOR,
            Tone::Failed => return None,
        };
        Some(whole.saturating_sub(now.duration_since(self.since)))
    }
}

/// The message on show.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    current: Option<Notice>,
}

impl Notices {
    pub fn done(&mut self, text: String) {
        self.show(Tone::Done, text, String::new());
    }

    pub fn refused(&mut self, text: String) {
        self.show(Tone::Refused, text, String::new());
    }

    pub fn failed(&mut self, text: String, details: String) {
        tracing::error!("a failure was shown to the user");
        self.show(Tone::Failed, text, details);
    }

    fn show(&mut self, tone: Tone, text: String, details: String) {
        // A failure that nobody has read yet is not pushed away by good news.
        let unread = self.current.as_ref().is_some_and(|n| n.tone == Tone::Failed);
        if unread && tone == Tone::Done {
            return;
        }
        self.current = Some(Notice { tone, text, details, since: Instant::now() });
    }

    pub fn dismiss(&mut self) {
        self.current = None;
    }

    /// Drops what has had its time; says when to look again.
    pub fn tick(&mut self, now: Instant) -> Option<Duration> {
        let left = self.current.as_ref()?.left(now)?;
        if left.is_zero() {
            self.current = None;
            return None;
        }
        Some(left)
    }

    pub const fn current(&self) -> Option<&Notice> {
        self.current.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_news_goes_by_itself_and_a_failure_stays() {
        let mut notices = Notices::default();
        notices.done("saved".into());
        let later = Instant::now() + Duration::from_mins(1);
        assert_eq!(notices.tick(later), None);
        assert!(notices.current().is_none());
        notices.failed("the disk is full".into(), "ENOSPC".into());
        notices.done("saved".into());
        assert_eq!(notices.tick(later), None);
        assert_eq!(notices.current().map(|n| n.tone), Some(Tone::Failed));
    }
}
