//! What readers did: events, who is here, totals, the database.
