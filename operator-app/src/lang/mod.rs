//! The words of the screens, in both languages; one struct for each area.
