//! The threads that speak with the gateway and the disk.
