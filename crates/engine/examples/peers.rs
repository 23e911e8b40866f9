//! A PostgreSQL and a bucket of S3 for whoever tests a server from outside: prints the variables by which a server uses them as one line of
//! JSON, and lives until its standard input ends.

use fieldstone_engine::testing::{Postgres, S3Peer};
use std::collections::BTreeMap;
use std::io::Read;

fn main() -> std::io::Result<()> {
    let Some(database) = Postgres::start()? else {
        println!("null");
        return Ok(());
    };
    let mut variables = BTreeMap::from(S3Peer::start_alone().variables());
    variables.insert("FIELDSTONE_DATABASE", database.url());
    println!("{}", serde_json::json!(variables));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
