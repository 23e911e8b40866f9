//! The binary as its users meet it: arguments, files, output, exit codes.

mod demo;
mod harness;
mod keys;
mod run;
mod serve;
mod upkeep;
