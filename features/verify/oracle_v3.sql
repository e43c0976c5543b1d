-- The features that only the v3 sets name, a second time and in another way: after oracle.sql, from its tables and the
-- raw ones, by the sentences of features.definitions_v3 alone. A decayed mean is written out, weight by weight.

CREATE MACRO decayed(x, rn, half_life) AS
  sum(x * pow(0.5, (rn - 1) / half_life::DOUBLE)) / sum(pow(0.5, (rn - 1) / half_life::DOUBLE));

CREATE MACRO decayed_rate(above, below, rn, half_life) AS
  sum(above * pow(0.5, (rn - 1) / half_life::DOUBLE)) / nullif(sum(below * pow(0.5, (rn - 1) / half_life::DOUBLE)), 0);

CREATE TABLE form_v3 AS
SELECT g, p,
  decayed(points, rn, 2) AS points_decayed_2, decayed(points, rn, 5) AS points_decayed_5,
  decayed(points, rn, 10) AS points_decayed_10, decayed(points, rn, 20) AS points_decayed_20,
  decayed(minutes, rn, 2) AS minutes_decayed_2, decayed(minutes, rn, 5) AS minutes_decayed_5,
  decayed(minutes, rn, 20) AS minutes_decayed_20,
  decayed(fga, rn, 5) AS fga_decayed_5, decayed(fga, rn, 15) AS fga_decayed_15,
  decayed(fta, rn, 15) AS fta_decayed_15, decayed(fg3a, rn, 15) AS fg3a_decayed_15,
  decayed(assists, rn, 15) AS assists_decayed_15, decayed(rebounds, rn, 15) AS rebounds_decayed_15,
  decayed(rebounds, rn, 5) AS rebounds_decayed_5, decayed(rebounds, rn, 20) AS rebounds_decayed_20,
  avg(rebounds) FILTER (in_year AND rn <= 5) AS rebounds_avg_last_5,
  avg(rebounds) FILTER (in_year AND rn <= 10) AS rebounds_avg_last_10,
  avg(rebounds) FILTER (season = row_season) AS rebounds_avg_season,
  decayed_rate(points, minutes, rn, 15) AS ppm_decayed_15, decayed_rate(points, minutes, rn, 40) AS ppm_decayed_40,
  decayed_rate(fga + 0.44 * fta + turnovers, minutes, rn, 5) AS plays_per_minute_decayed_5,
  decayed_rate(fga + 0.44 * fta + turnovers, minutes, rn, 40) AS plays_per_minute_decayed_40,
  decayed_rate(points, fga + 0.44 * fta + turnovers, rn, 40) AS points_per_play_decayed_40,
  decayed_rate(fg3m, fg3a, rn, 40) AS fg3_pct_decayed_40, decayed_rate(ftm, fta, rn, 40) AS ft_pct_decayed_40,
  decayed(fga + 0.44 * fta + turnovers, rn, 10) * decayed(team_minutes, rn, 10)
    / nullif(5 * decayed(minutes, rn, 10) * decayed(team_plays, rn, 10), 0) AS usage_decayed_10,
  median(points) FILTER (in_year AND rn <= 20) AS points_median_last_20,
  stddev_samp(points) FILTER (in_year AND rn <= 20) AS points_std_last_20,
  stddev_samp(minutes) FILTER (in_year AND rn <= 10) AS minutes_std_last_10,
  max(minutes) FILTER (in_year AND rn <= 10) AS minutes_max_last_10,
  min(minutes) FILTER (in_year AND rn <= 10) AS minutes_min_last_10,
  any_value(points) FILTER (rn = 1) AS points_last_game, any_value(minutes) FILTER (rn = 1) AS minutes_last_game,
  any_value(minutes) FILTER (rn = 2) AS minutes_second_last_game,
  count(*) FILTER (game_date >= d - INTERVAL 14 DAY) AS games_in_last_14_days
FROM past GROUP BY g, p;

CREATE TABLE team_form_v3 AS
SELECT g, t, count(*) AS n, count(*) FILTER (rn <= 10) AS n_10, max(game_date) AS latest,
       min(game_date) FILTER (rn <= 10) AS since_10, min(game_date) FILTER (rn <= 5) AS since_5,
       avg(points) AS points, avg(points) FILTER (rn <= 15) AS points_15, avg(against) FILTER (rn <= 15) AS against_15,
       avg(o_box3_a) FILTER (rn <= 15) AS threes_against_15
FROM team_past GROUP BY g, t;

CREATE TABLE with_team AS  -- his active games for the row's team in its season
SELECT past.g, past.p, count(*) AS n, max(past.game_date) AS latest,
       count(*) FILTER (past.game_date >= t.since_10) AS n_10,
       coalesce(sum(past.minutes) FILTER (past.game_date >= t.since_10), 0) AS minutes_10
FROM past JOIN r ON r.game_id = past.g AND r.player_id = past.p AND r.team_id = past.team_id AND r.season = past.season
JOIN team_form_v3 t ON t.g = r.game_id AND t.t = r.team_id
GROUP BY past.g, past.p;

CREATE TABLE on_roster AS  -- of each side: whose latest appearance is of the season and for the team
WITH moments AS (SELECT DISTINCT game_id AS g, team_id AS t, d, season AS s, cut_off_at FROM r)
SELECT m.g, m.t, m.d, m.cut_off_at, x.player_id AS p, max(x.game_date) AS latest
FROM moments m JOIN player_games x ON x.game_date < m.d AND x.season = m.s
GROUP BY m.g, m.t, m.d, m.cut_off_at, x.player_id HAVING arg_max(x.team_id, x.game_date) = m.t;

CREATE TABLE usual AS  -- what each of them did in his last ten games
SELECT g, t, p, sum(minutes) AS minutes, sum(points) AS points, sum(plays) AS plays
FROM (SELECT o.g, o.t, o.p, x.minutes, x.points, x.fga + 0.44 * x.fta + x.turnovers AS plays,
             row_number() OVER (PARTITION BY o.g, o.t, o.p ORDER BY x.game_date DESC) AS rn
      FROM on_roster o JOIN player_games x ON x.player_id = o.p AND x.minutes > 0
        AND x.game_date < o.d AND x.game_date >= o.d - INTERVAL 365 DAY)
WHERE rn <= 10 GROUP BY g, t, p;

CREATE TABLE of_late AS  -- and for the team since its tenth and its fifth latest game
SELECT o.g, o.t, o.p, bool_or(x.game_date = t.latest) AS there,
       sum(x.minutes) FILTER (x.game_date >= t.since_5) AS minutes_5,
       sum(x.minutes) FILTER (x.game_date >= t.since_10) AS minutes_10,
       sum(x.points) FILTER (x.game_date >= t.since_10) AS points_10
FROM on_roster o JOIN team_form_v3 t ON t.g = o.g AND t.t = o.t
JOIN team_past own ON own.g = o.g AND own.t = o.t
JOIN player_games x ON x.game_id = own.game_id AND x.team_id = o.t AND x.player_id = o.p AND x.minutes > 0
GROUP BY o.g, o.t, o.p;

CREATE TABLE listed_mates AS  -- by the latest entry, if it is no older than his latest appearance
SELECT o.g, o.t, o.p, arg_max(i.status, (i.reported_on, i.entry)) AS status
FROM on_roster o JOIN injuries i ON i.player_id = o.p AND is_known(i.captured_at, i.reported_on, o.cut_off_at, o.d)
GROUP BY o.g, o.t, o.p, o.latest HAVING max(i.reported_on) >= o.latest;

CREATE TABLE roster AS
SELECT o.g, o.t, o.p, coalesce(l.there, false) AS there,
       coalesce(l.minutes_5, 0) AS minutes_5, coalesce(l.minutes_10, 0) AS minutes_10,
       coalesce(l.points_10, 0) AS points_10, coalesce(u.minutes, 0) AS usual_minutes,
       coalesce(u.points, 0) AS usual_points, coalesce(u.plays, 0) AS usual_plays,
       coalesce(i.status <> 'available', false) AS sidelined, coalesce(i.status = 'available', false) AS returned
FROM on_roster o LEFT JOIN of_late l USING (g, t, p) LEFT JOIN usual u USING (g, t, p)
LEFT JOIN listed_mates i USING (g, t, p);

CREATE MACRO by_lists(x) AS CASE WHEN getvariable('has_injuries') THEN coalesce(x, 0) END;

CREATE TABLE mates AS
SELECT r.game_id AS g, r.player_id AS p,
  coalesce(sum(m.minutes_5) FILTER (NOT m.there), 0) / 5 AS absent_mates_minutes_last_5,
  coalesce(sum(m.minutes_10) FILTER (NOT m.there), 0) / 10 AS absent_mates_minutes_last_10,
  coalesce(sum(m.points_10) FILTER (NOT m.there), 0) / 10 AS absent_mates_points_last_10,
  coalesce(sum(m.usual_points) FILTER (NOT m.there), 0) / 10 AS absent_mates_usual_points,
  coalesce(sum(m.usual_minutes) FILTER (m.there), 0) / 10 AS present_mates_usual_minutes,
  coalesce(sum(m.usual_points) FILTER (m.there), 0) / 10 AS present_mates_usual_points,
  coalesce(sum(m.usual_plays) FILTER (m.there), 0) / 10 AS present_mates_usual_plays,
  by_lists(sum(m.minutes_5) FILTER (m.sidelined)) / 5 AS sidelined_mates_minutes_last_5,
  by_lists(sum(m.minutes_10) FILTER (m.sidelined)) / 10 AS sidelined_mates_minutes_last_10,
  by_lists(sum(m.points_10) FILTER (m.sidelined)) / 10 AS sidelined_mates_points_last_10,
  by_lists(sum(m.minutes_10) FILTER (m.sidelined AND m.there)) / 10 AS newly_sidelined_mates_minutes,
  by_lists(sum(m.points_10) FILTER (m.sidelined AND m.there)) / 10 AS newly_sidelined_mates_points,
  by_lists(sum(m.minutes_10) FILTER (m.returned AND NOT m.there)) / 10 AS returned_mates_minutes_last_10,
  by_lists(sum(m.usual_minutes) FILTER (m.returned AND NOT m.there)) / 10 AS returned_mates_usual_minutes,
  CASE WHEN any_value(own.there) THEN 1 + count(*) FILTER (m.there AND m.usual_minutes > own.usual_minutes) END
    AS minutes_rank_in_team,
  CASE WHEN any_value(own.there) THEN 1 + count(*) FILTER (m.there AND m.usual_points > own.usual_points) END
    AS points_rank_in_team
FROM r LEFT JOIN roster m ON m.g = r.game_id AND m.t = r.team_id AND m.p <> r.player_id
LEFT JOIN roster own ON own.g = r.game_id AND own.t = r.team_id AND own.p = r.player_id
GROUP BY r.game_id, r.player_id;

CREATE TABLE earlier_lines AS
SELECT g, p, decayed(line, rn, 4) AS line_decayed_4
FROM (SELECT r.game_id AS g, r.player_id AS p, v.line,
             row_number() OVER (PARTITION BY r.game_id, r.player_id ORDER BY x.game_date DESC, x.game_id DESC) AS rn
      FROM r JOIN vegas v ON v.p = r.player_id AND v.line IS NOT NULL
      JOIN games x ON x.game_id = v.g AND x.season = r.season AND x.game_date < r.d)
GROUP BY g, p;

CREATE TABLE moves AS
SELECT r.game_id AS g, r.player_id AS p, sum(v.line - v.opening) AS mates_line_move
FROM r JOIN on_roster m ON m.g = r.game_id AND m.t = r.team_id AND m.p <> r.player_id
JOIN vegas v ON v.g = r.game_id AND v.p = m.p
GROUP BY r.game_id, r.player_id;

CREATE TABLE market AS
SELECT r.game_id AS g, r.player_id AS p, l.total AS game_total,
       CASE WHEN r.is_home THEN l.spread_home ELSE -l.spread_home END AS spread
FROM r JOIN game_lines l USING (game_id);

CREATE TABLE every_column_v3 AS
SELECT e.*, f.* EXCLUDE (g, p), form.minutes_season AS minutes_avg_season, form.n_season AS n_games_season,
  form.minutes_7 AS minutes_last_7_days, rested.rest AS team_rest_days, opp_rested.rest AS opponent_rest_days,
  coalesce(w.minutes_10, 0) / own.n_10 AS minutes_per_team_game_last_10,
  own.n_10 - coalesce(w.n_10, 0) AS team_games_missed_last_10,
  CASE WHEN w.n > 0 THEN (SELECT count(*) FROM team_past x
    WHERE x.g = r.game_id AND x.t = r.team_id AND x.game_date > w.latest) END AS team_games_missed_in_a_row,
  coalesce(w.n, 0) AS games_with_team_this_season,
  CASE WHEN opp.n >= 5 THEN opp_rested.win_pct END AS opponent_win_pct,
  CASE WHEN opp.n >= 3 THEN opp.against_15 END AS opponent_points_allowed_last_15,
  CASE WHEN opp.n >= 3 THEN opp.threes_against_15 END AS opponent_threes_allowed_last_15,
  market.spread, abs(market.spread) AS spread_absolute, market.game_total,
  market.game_total / 2 - market.spread / 2 AS implied_team_total,
  market.game_total / 2 - market.spread / 2 - own.points_15 AS implied_total_over_last_15,
  (market.game_total / 2 - market.spread / 2) / own.points AS implied_total_to_season,
  mates.* EXCLUDE (g, p), earlier_lines.line_decayed_4, moves.mates_line_move
FROM every_column e JOIN r USING (game_id, player_id)
LEFT JOIN form_v3 f ON f.g = r.game_id AND f.p = r.player_id
LEFT JOIN form ON form.g = r.game_id AND form.p = r.player_id
LEFT JOIN team_form rested ON rested.g = r.game_id AND rested.t = r.team_id
LEFT JOIN team_form opp_rested ON opp_rested.g = r.game_id AND opp_rested.t = r.opponent_id
LEFT JOIN team_form_v3 own ON own.g = r.game_id AND own.t = r.team_id
LEFT JOIN team_form_v3 opp ON opp.g = r.game_id AND opp.t = r.opponent_id
LEFT JOIN with_team w ON w.g = r.game_id AND w.p = r.player_id
LEFT JOIN market ON market.g = r.game_id AND market.p = r.player_id
LEFT JOIN mates ON mates.g = r.game_id AND mates.p = r.player_id
LEFT JOIN earlier_lines ON earlier_lines.g = r.game_id AND earlier_lines.p = r.player_id
LEFT JOIN moves ON moves.g = r.game_id AND moves.p = r.player_id;
