//! The reference page docs/configuration.md, written from the settings; a stale page fails a test.
//! `UPDATE_DOCS=1 cargo test -p fieldstone docs` rewrites it. (docs/jobs.md is `cargo xtask gen`'s: its source is a library.)

use crate::settings::{Flags, Settings};
use figment::providers::{Format, Toml};
use std::fmt::Write;
use std::path::Path;

const UPDATE: &str = "UPDATE_DOCS=1 cargo test -p fieldstone docs";

#[test]
fn the_page_of_settings_is_current() {
    check("configuration.md", &configuration_page());
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/{name} is stale; write it anew with: {UPDATE}");
}

fn configuration_page() -> String {
    let mut page = format!(
        "# Configuration\n\n\
         Written from the code by `{UPDATE}`; do not edit.\n\n\
         A setting is taken from its flag, else from its environment variable, else from `fieldstone.toml` in the\n\
         working folder (`--config FILE` or `FIELDSTONE_CONFIG` names another), else it has its default. Sizes are\n\
         written `512MiB`, `2GB` or as a number of bytes. `fieldstone serve` takes all of them as flags.\n\n\
         | setting | flag | variable | default | meaning |\n|---|---|---|---|---|\n"
    );
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    let command = <Flags as clap::Args>::augment_args(clap::Command::new(""));
    let mut example = String::new();
    for flag in command.get_arguments() {
        let (name, long) = (flag.get_id().as_str(), flag.get_long().unwrap());
        let value = &defaults[name];
        assert!(defaults.as_object().unwrap().contains_key(name), "flag {name} is not a setting");
        let default = match value {
            serde_json::Value::Null => "–".to_owned(),
            serde_json::Value::String(s) => format!("`{s}`"),
            other => format!("`{other}`"),
        };
        let help = flag.get_help().unwrap().to_string().replace('|', "\\|");
        let variable = name.to_uppercase();
        writeln!(page, "| `{name}` | `--{long}` | `FIELDSTONE_{variable}` | {default} | {help} |").unwrap();
        if !value.is_null() {
            writeln!(example, "{name} = {value}").unwrap();
        }
    }
    let read = figment::Figment::from(Toml::string(&example)).extract::<Settings>().unwrap();
    assert_eq!(read, Settings::default(), "the example is not what it says");
    write!(page, "\n`fieldstone.toml` with every default:\n\n```toml\n{example}```\n").unwrap();
    assert_eq!(command.get_arguments().count(), defaults.as_object().unwrap().len(), "a setting has no flag");
    page
}
