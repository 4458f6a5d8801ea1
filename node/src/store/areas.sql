-- Version 14: what an area was before, and which it was split from, as JSON; none for one that is as it was first listed.

ALTER TABLE area ADD COLUMN past TEXT;
