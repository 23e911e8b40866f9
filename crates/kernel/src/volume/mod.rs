//! Samples on a grid, looked up between them.
