//! What a reader says about a file that it read: bounded, in the order it was found.

/// Notes kept word by word; the rest are counted.
const MAX_NOTES: usize = 20;

/// Collects the notes of one file.
#[derive(Debug, Default)]
pub(super) struct Notes {
    kept: Vec<String>,
    more: u64,
}

impl Notes {
    /// Adds a note: the place first, then what was found there and how it was taken.
    pub fn add(&mut self, note: impl Into<String>) {
        match self.kept.len() < MAX_NOTES {
            true => self.kept.push(note.into()),
            false => self.more += 1,
        }
    }

    /// Adds all of another list.
    pub fn append(&mut self, others: Notes) {
        let more = others.more;
        others.kept.into_iter().for_each(|note| self.add(note));
        self.more += more;
    }

    /// The notes in order; one line stands for all beyond the limit.
    pub fn into_lines(self) -> Vec<String> {
        let mut lines = self.kept;
        if self.more > 0 {
            lines.push(format!("and {} more of the like", self.more));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let mut notes = Notes::default();
        (0..1000).for_each(|i| notes.add(format!("face {i}")));
        let lines = notes.into_lines();
        assert_eq!(lines.len(), MAX_NOTES + 1);
        assert_eq!((&*lines[0], &*lines[MAX_NOTES]), ("face 0", "and 980 more of the like"));
    }
}
