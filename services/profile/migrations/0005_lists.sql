-- Named lists of persons that stay as they were: snapshots of segments, and who was in an export. An erasure takes a person
-- out of all of them.
CREATE TABLE list_member (
    list_id   text NOT NULL,
    person_id text NOT NULL,
    PRIMARY KEY (list_id, person_id)
);
CREATE INDEX list_member_person ON list_member (person_id);
