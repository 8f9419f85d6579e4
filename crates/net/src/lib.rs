//! The only outbound sockets.
