-- The dictionary, the texts to look up, and an empty copy of the dictionary to measure inserts.
-- A row of 256 dimensions stays in its page anyway; PLAIN makes sure of it, so that the distance to
-- a row never needs a second fetch.
CREATE EXTENSION vseg;

CREATE TABLE glosses (id int PRIMARY KEY, words text, gloss text, embedding vector(256));
ALTER TABLE glosses ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE TABLE held_out (LIKE glosses INCLUDING STORAGE);
CREATE TABLE questions (LIKE glosses INCLUDING STORAGE);
CREATE TABLE ingest (LIKE glosses INCLUDING STORAGE);
