//! Syllables of Korean and Chinese names in their scripts and spellings, and towns.

/// One syllable of a name.
#[derive(Debug)]
pub(crate) struct Character {
    /// Hangul, or simplified Han.
    pub(crate) native: &'static str,
    /// Hanja, or traditional Han.
    pub(crate) other: &'static str,
    /// Latin spellings, the official one first.
    pub(crate) latin: &'static [&'static str],
}

/// A town.
#[derive(Debug)]
pub(crate) struct Town {
    /// In the country's script.
    pub(crate) native: &'static str,
    /// In the other script that its readers know.
    pub(crate) other: &'static str,
    /// In Latin letters.
    pub(crate) latin: &'static str,
}

macro_rules! characters {
    ($($native:literal $other:literal $($latin:literal)+;)*) => {
        &[$(Character { native: $native, other: $other, latin: &[$($latin),+] }),*]
    };
}

macro_rules! towns {
    ($($native:literal $other:literal $latin:literal;)*) => {
        &[$(Town { native: $native, other: $other, latin: $latin }),*]
    };
}

/// Korean family names, the most frequent first.
#[rustfmt::skip]
pub(crate) const KOREAN_FAMILY: &[Character] = characters![
    "김" "金" "Kim" "Gim"; "이" "李" "Lee" "Yi" "Rhee" "Ri"; "박" "朴" "Park" "Bak" "Pak"; "최" "崔" "Choi" "Choe"; "정" "鄭" "Jung" "Jeong" "Chung" "Chong";
    "강" "姜" "Kang" "Gang"; "조" "趙" "Cho" "Jo"; "윤" "尹" "Yoon" "Yun"; "장" "張" "Jang" "Chang"; "임" "林" "Lim" "Im" "Rim"; "한" "韓" "Han";
    "오" "吳" "Oh" "O"; "서" "徐" "Seo" "Suh" "So"; "신" "申" "Shin" "Sin"; "권" "權" "Kwon" "Gwon"; "황" "黃" "Hwang"; "안" "安" "Ahn" "An";
    "송" "宋" "Song"; "류" "柳" "Ryu" "Yoo" "Yu"; "전" "全" "Jeon" "Chon" "Chun"; "홍" "洪" "Hong"; "고" "高" "Ko" "Go" "Koh"; "문" "文" "Moon" "Mun";
    "양" "梁" "Yang"; "손" "孫" "Son" "Sohn"; "배" "裵" "Bae" "Pae"; "백" "白" "Baek" "Paik" "Paek"; "허" "許" "Heo" "Hur" "Huh"; "남" "南" "Nam";
    "심" "沈" "Shim" "Sim"; "노" "盧" "Noh" "No" "Roh"; "하" "河" "Ha"; "곽" "郭" "Kwak" "Gwak"; "성" "成" "Sung" "Seong"; "차" "車" "Cha";
    "주" "朱" "Joo" "Ju" "Chu"; "우" "禹" "Woo" "U"; "구" "具" "Koo" "Gu" "Ku"; "민" "閔" "Min"; "나" "羅" "Na" "Ra"; "진" "陳" "Jin" "Chin";
    "지" "池" "Ji" "Chi"; "엄" "嚴" "Eom" "Um"; "채" "蔡" "Chae"; "원" "元" "Won"; "천" "千" "Cheon" "Chon"; "방" "方" "Bang" "Pang"; "공" "孔" "Kong" "Gong";
];

/// Syllables of Korean given names.
#[rustfmt::skip]
pub(crate) const KOREAN_GIVEN: &[Character] = characters![
    "민" "敏" "Min"; "수" "秀" "Su" "Soo"; "지" "智" "Ji" "Chi" "Jee"; "영" "英" "Yeong" "Young" "Yong"; "현" "賢" "Hyeon" "Hyun" "Hyon"; "준" "俊" "Jun" "Joon" "Chun";
    "서" "瑞" "Seo" "Suh" "So"; "연" "姸" "Yeon" "Yun" "Youn"; "은" "恩" "Eun" "Un"; "혜" "惠" "Hye" "Hae"; "정" "貞" "Jeong" "Jung" "Chong"; "우" "宇" "U" "Woo" "Wu";
    "진" "眞" "Jin" "Chin"; "성" "成" "Seong" "Sung" "Song"; "호" "浩" "Ho"; "재" "宰" "Jae" "Chae"; "경" "京" "Gyeong" "Kyung" "Kyong"; "미" "美" "Mi" "Mee";
    "숙" "淑" "Suk" "Sook"; "희" "姬" "Hui" "Hee"; "선" "善" "Seon" "Sun" "Son"; "주" "珠" "Ju" "Joo" "Chu"; "나" "娜" "Na"; "윤" "允" "Yun" "Yoon"; "아" "雅" "A" "Ah";
    "동" "東" "Dong" "Tong"; "훈" "勳" "Hun" "Hoon"; "석" "錫" "Seok" "Suk" "Sok"; "철" "哲" "Cheol" "Chul" "Chol"; "광" "光" "Gwang" "Kwang"; "승" "承" "Seung" "Sung";
    "기" "基" "Gi" "Ki" "Kee"; "태" "泰" "Tae"; "용" "龍" "Yong"; "상" "相" "Sang"; "원" "元" "Won"; "종" "鍾" "Jong" "Chong"; "병" "炳" "Byeong" "Byung" "Pyong";
    "인" "仁" "In"; "하" "夏" "Ha"; "도" "道" "Do" "To"; "유" "裕" "Yu" "Yoo"; "예" "藝" "Ye"; "채" "彩" "Chae"; "소" "昭" "So" "Soh"; "라" "羅" "Ra" "La"; "시" "時" "Si" "Shi";
    "건" "建" "Geon" "Gun" "Kon"; "규" "圭" "Gyu" "Kyu"; "범" "範" "Beom" "Bum"; "홍" "弘" "Hong"; "순" "順" "Sun" "Soon"; "옥" "玉" "Ok"; "자" "子" "Ja" "Cha";
    "명" "明" "Myeong" "Myung" "Myong"; "화" "和" "Hwa"; "남" "南" "Nam"; "연" "蓮" "Yeon" "Youn"; "복" "福" "Bok"; "춘" "春" "Chun" "Choon"; "환" "煥" "Hwan"; "빈" "彬" "Bin" "Been";
    "찬" "燦" "Chan"; "한" "漢" "Han"; "효" "孝" "Hyo"; "강" "剛" "Gang" "Kang"; "보" "寶" "Bo"; "가" "佳" "Ga" "Ka"; "림" "林" "Rim" "Lim"; "율" "律" "Yul" "Yool";
];

/// Chinese family names, the most frequent first: Pinyin, then Wade-Giles and Cantonese.
#[rustfmt::skip]
pub(crate) const CHINESE_FAMILY: &[Character] = characters![
    "王" "王" "Wang" "Wong"; "李" "李" "Li" "Lee"; "张" "張" "Zhang" "Chang" "Cheung"; "刘" "劉" "Liu" "Lau"; "陈" "陳" "Chen" "Chan" "Ch'en"; "杨" "楊" "Yang" "Yeung";
    "黄" "黃" "Huang" "Wong"; "赵" "趙" "Zhao" "Chao" "Chiu"; "周" "周" "Zhou" "Chou" "Chow"; "吴" "吳" "Wu" "Ng"; "徐" "徐" "Xu" "Hsu" "Tsui"; "孙" "孫" "Sun" "Suen";
    "马" "馬" "Ma"; "朱" "朱" "Zhu" "Chu"; "胡" "胡" "Hu" "Wu"; "郭" "郭" "Guo" "Kuo" "Kwok"; "何" "何" "He" "Ho"; "林" "林" "Lin" "Lam"; "高" "高" "Gao" "Kao" "Ko";
    "罗" "羅" "Luo" "Lo" "Law"; "郑" "鄭" "Zheng" "Cheng"; "梁" "梁" "Liang" "Leung"; "谢" "謝" "Xie" "Hsieh" "Tse"; "宋" "宋" "Song" "Sung"; "唐" "唐" "Tang" "Tong";
    "许" "許" "Xu" "Hsu" "Hui"; "邓" "鄧" "Deng" "Teng" "Tang"; "韩" "韓" "Han" "Hon"; "冯" "馮" "Feng" "Fung"; "曹" "曹" "Cao" "Tsao" "Cho"; "彭" "彭" "Peng" "Pang";
    "曾" "曾" "Zeng" "Tseng" "Tsang"; "肖" "蕭" "Xiao" "Hsiao" "Siu"; "田" "田" "Tian" "Tien" "Tin"; "董" "董" "Dong" "Tung"; "潘" "潘" "Pan" "Poon"; "袁" "袁" "Yuan" "Yuen";
    "蔡" "蔡" "Cai" "Tsai" "Choi"; "蒋" "蔣" "Jiang" "Chiang" "Cheung"; "余" "余" "Yu" "Yue"; "于" "于" "Yu" "Yue"; "杜" "杜" "Du" "Tu" "To"; "叶" "葉" "Ye" "Yeh" "Yip";
    "程" "程" "Cheng" "Ching"; "魏" "魏" "Wei" "Ngai"; "苏" "蘇" "Su" "So"; "吕" "呂" "Lü" "Lu" "Lui"; "丁" "丁" "Ding" "Ting"; "任" "任" "Ren" "Jen" "Yam"; "卢" "盧" "Lu" "Lo";
    "姚" "姚" "Yao" "Yiu"; "沈" "沈" "Shen" "Sum"; "钟" "鍾" "Zhong" "Chung"; "姜" "姜" "Jiang" "Chiang" "Keung"; "崔" "崔" "Cui" "Tsui"; "谭" "譚" "Tan" "Tam"; "陆" "陸" "Lu" "Luk";
    "范" "范" "Fan"; "汪" "汪" "Wang" "Wong"; "廖" "廖" "Liao" "Liu"; "石" "石" "Shi" "Shih" "Shek"; "金" "金" "Jin" "Chin" "Kam"; "贾" "賈" "Jia" "Chia" "Ka";
];

/// Characters of Chinese given names: Pinyin, then Wade-Giles and Cantonese.
#[rustfmt::skip]
pub(crate) const CHINESE_GIVEN: &[Character] = characters![
    "伟" "偉" "Wei" "Wai"; "芳" "芳" "Fang" "Fong"; "娜" "娜" "Na"; "秀" "秀" "Xiu" "Hsiu" "Sau"; "敏" "敏" "Min" "Man"; "静" "靜" "Jing" "Ching"; "丽" "麗" "Li" "Lai";
    "强" "強" "Qiang" "Chiang" "Keung"; "磊" "磊" "Lei" "Lui"; "军" "軍" "Jun" "Chun" "Kwan"; "洋" "洋" "Yang" "Yeung"; "勇" "勇" "Yong" "Yung"; "艳" "豔" "Yan" "Yen" "Yim";
    "杰" "傑" "Jie" "Chieh" "Kit"; "娟" "娟" "Juan" "Chuan" "Kuen"; "涛" "濤" "Tao" "To"; "明" "明" "Ming"; "超" "超" "Chao" "Chiu"; "霞" "霞" "Xia" "Hsia" "Ha"; "平" "平" "Ping";
    "刚" "剛" "Gang" "Kang" "Kong"; "桂" "桂" "Gui" "Kuei" "Kwai"; "英" "英" "Ying"; "华" "華" "Hua" "Wah"; "玉" "玉" "Yu" "Yuk"; "兰" "蘭" "Lan"; "小" "小" "Xiao" "Hsiao" "Siu";
    "文" "文" "Wen" "Man"; "建" "建" "Jian" "Chien" "Kin"; "国" "國" "Guo" "Kuo" "Kwok"; "志" "志" "Zhi" "Chih" "Chi"; "海" "海" "Hai" "Hoi"; "春" "春" "Chun"; "梅" "梅" "Mei" "Mui";
    "红" "紅" "Hong" "Hung"; "云" "雲" "Yun" "Wan"; "峰" "峰" "Feng" "Fung"; "宇" "宇" "Yu"; "浩" "浩" "Hao" "Ho"; "子" "子" "Zi" "Tzu" "Tsz"; "轩" "軒" "Xuan" "Hsuan" "Hin";
    "欣" "欣" "Xin" "Hsin" "Yan"; "怡" "怡" "Yi" "I"; "雨" "雨" "Yu"; "佳" "佳" "Jia" "Chia" "Kai"; "嘉" "嘉" "Jia" "Chia" "Ka"; "思" "思" "Si" "Ssu" "Sze"; "晓" "曉" "Xiao" "Hsiao" "Hiu";
    "东" "東" "Dong" "Tung"; "林" "林" "Lin" "Lam"; "龙" "龍" "Long" "Lung"; "鹏" "鵬" "Peng" "Pang"; "飞" "飛" "Fei"; "宁" "寧" "Ning"; "雪" "雪" "Xue" "Hsueh" "Suet"; "琳" "琳" "Lin" "Lam";
    "婷" "婷" "Ting"; "慧" "慧" "Hui" "Wai"; "淑" "淑" "Shu" "Suk"; "珍" "珍" "Zhen" "Chen" "Chun"; "德" "德" "De" "Te" "Tak"; "成" "成" "Cheng" "Shing"; "立" "立" "Li" "Lap";
    "斌" "斌" "Bin" "Pin" "Ban"; "波" "波" "Bo" "Po"; "辉" "輝" "Hui" "Fai"; "生" "生" "Sheng" "Sang"; "永" "永" "Yong" "Yung" "Wing"; "俊" "俊" "Jun" "Chun"; "家" "家" "Jia" "Chia" "Ka";
];

/// Korean towns, the largest first.
#[rustfmt::skip]
pub(crate) const KOREAN_TOWNS: &[Town] = towns![
    "서울" "首爾" "Seoul"; "부산" "釜山" "Busan"; "인천" "仁川" "Incheon"; "대구" "大邱" "Daegu"; "대전" "大田" "Daejeon"; "광주" "光州" "Gwangju"; "수원" "水原" "Suwon";
    "울산" "蔚山" "Ulsan"; "고양" "高陽" "Goyang"; "용인" "龍仁" "Yongin"; "창원" "昌原" "Changwon"; "성남" "城南" "Seongnam"; "청주" "淸州" "Cheongju"; "부천" "富川" "Bucheon";
    "화성" "華城" "Hwaseong"; "남양주" "南楊州" "Namyangju"; "전주" "全州" "Jeonju"; "천안" "天安" "Cheonan"; "안산" "安山" "Ansan"; "김해" "金海" "Gimhae"; "포항" "浦項" "Pohang";
    "제주" "濟州" "Jeju"; "춘천" "春川" "Chuncheon"; "여수" "麗水" "Yeosu";
];

/// Chinese towns, the largest first.
#[rustfmt::skip]
pub(crate) const CHINESE_TOWNS: &[Town] = towns![
    "上海" "上海" "Shanghai"; "北京" "北京" "Beijing"; "重庆" "重慶" "Chongqing"; "广州" "廣州" "Guangzhou"; "深圳" "深圳" "Shenzhen"; "成都" "成都" "Chengdu"; "天津" "天津" "Tianjin";
    "武汉" "武漢" "Wuhan"; "西安" "西安" "Xi'an"; "杭州" "杭州" "Hangzhou"; "南京" "南京" "Nanjing"; "沈阳" "瀋陽" "Shenyang"; "青岛" "青島" "Qingdao"; "大连" "大連" "Dalian";
    "厦门" "廈門" "Xiamen"; "苏州" "蘇州" "Suzhou"; "宁波" "寧波" "Ningbo"; "长沙" "長沙" "Changsha"; "昆明" "昆明" "Kunming"; "哈尔滨" "哈爾濱" "Harbin"; "济南" "濟南" "Jinan";
    "福州" "福州" "Fuzhou"; "合肥" "合肥" "Hefei"; "台北" "臺北" "Taipei";
];
