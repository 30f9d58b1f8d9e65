-- Version 11 of the schema: workers on other machines, whose messages may come twice.

-- Number of the last message that was kept under the claim of a job; 0 before the first.
ALTER TABLE jobs ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
