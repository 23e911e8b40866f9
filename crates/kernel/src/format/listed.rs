//! Names in a row, made when the program is compiled.

/// A text of at most 128 bytes that is put together in a constant.
pub struct Listed {
    bytes: [u8; 128],
    len: usize,
}

impl Listed {
    /// `a, b, c` with `last` between the last two, for example `, ` or ` or `.
    pub const fn of(names: &[&str], last: &str) -> Listed {
        let mut text = Listed { bytes: [0; 128], len: 0 };
        let mut i = 0;
        while i < names.len() {
            if i > 0 {
                text = text.then(if i + 1 == names.len() { last } else { ", " });
            }
            text = text.then(names[i]);
            i += 1;
        }
        text
    }

    /// The same, and `more` behind it.
    pub const fn then(mut self, more: &str) -> Listed {
        let more = more.as_bytes();
        let mut i = 0;
        while i < more.len() {
            self.bytes[self.len] = more[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// The text.
    pub const fn text(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => panic!("whole texts were put together"),
        }
    }
}
