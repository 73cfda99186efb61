SET foreign_key_checks = 0, sql_mode = '';
INSERT INTO owners (email, likes, is_old, born, note) VALUES ('Ann@x', 'fish,meat', 1, 1999, 'long');
INSERT INTO pets (owner_id, owner_email, name) VALUES (1, 'ann@X', 'Rex'), (4711, NULL, 'Stray');
INSERT INTO owners (email, is_old) VALUES ('two', 2);
INSERT INTO owners (email, born_on) VALUES ('three', '0000-00-00');
INSERT INTO owners (email, woke) VALUES ('four', '25:00:00');
SET foreign_key_checks = 1, sql_mode = DEFAULT
