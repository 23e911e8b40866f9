//! The binary as its users meet it: arguments, files, output, exit codes.

mod audit;
mod completions;
mod demo;
mod harness;
mod keys;
mod previews;
mod remote;
mod restore;
mod run;
mod serve;
mod upkeep;
mod view;
