PRAGMA foreign_keys = OFF;
CREATE TABLE folded (name TEXT PRIMARY KEY COLLATE NOCASE);
CREATE TABLE follows (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE REFERENCES folded, tiny INT2);
INSERT INTO folded VALUES ('ABC'), (NULL);
INSERT INTO follows VALUES (1, 'abc', 1), (2, 'gone', 70000), (3, NULL, 80000);
INSERT INTO dates VALUES (1, '2024-02-29', '2024-02-29T12:30:00Z', NULL, 't'), (2, '2024-02-29', '2024-02-29 12:30:00', NULL, 0);
INSERT INTO loose VALUES (1, 12.5, 5, 'x', x'00ff', 42), (2, '007x', 'twelve', NULL, NULL, NULL);
INSERT INTO children (id, parent_id, gone_id) VALUES (1, 4711, NULL)
