//! What an inventory means: feeds, the advisory database, the matcher.
