//! What all lists take, and how they are printed.

use super::client::Client;
use super::table::{Column, print_list};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

#[derive(clap::Args)]
pub struct ListArgs {
    /// Only those that match, such as 'state:failure AND type:export_*'; docs/api.md has the syntax
    #[arg(short, long, value_name = "QUERY")]
    query: Option<String>,
    /// Order, such as name:1 or created:-1
    #[arg(long, value_name = "FIELD:±1", allow_hyphen_values = true)]
    sort: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl ListArgs {
    /// Prints the list at `path`, and on stderr whether there is more of it.
    pub async fn print(
        &self,
        client: &Client,
        path: &str,
        columns: &[Column],
        json: bool,
    ) -> anyhow::Result<()> {
        let encoded = |name: &str, value: &Option<String>| match value {
            Some(value) => format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)),
            None => String::new(),
        };
        let path = format!("{path}?{}{}", encoded("q", &self.query), encoded("sort", &self.sort));
        let (rows, more) = client.list(&path, self.limit as usize).await?;
        print_list(&rows, columns, json);
        if more {
            eprintln!("there are more than {}: --limit shows more, --query fewer", rows.len());
        }
        Ok(())
    }
}
