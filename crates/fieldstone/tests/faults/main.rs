//! Faults of the machine around a running server. After each of them `fieldstone check` finds nothing wrong, and everything
//! that was acknowledged is there.

#[path = "../served/mod.rs"]
mod served;

#[cfg(target_os = "linux")]
mod children;
mod database;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod disk_full;
mod hang_ups;
#[cfg(target_os = "linux")]
mod heads;
mod locked;
