//! Postman collections 2.0 and 2.1: the responses that are saved with requests.

mod auth;
pub(super) mod collection;
pub(super) mod items;
mod message;
mod variables;
