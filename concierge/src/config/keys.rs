//! The one table of configuration keys: names, meanings, units and bounds.
